"""Things customers mention once in passing, which no column of the record holds."""

import random
import re
from dataclasses import dataclass

from assistant.crm.demo.phrases import render


@dataclass(frozen=True)
class DemoFact:
    """A fact that stands in one interaction only. ``text`` occurs there word for word, ``answer`` occurs in ``text``.

    ``question`` asks for it about ``<name>`` in English, ``language`` is the language of ``text``.
    """

    customer_id: str
    interaction_id: str
    topic: str
    text: str
    answer: str
    question: str
    language: str


@dataclass(frozen=True)
class Kind:
    """A sort of fact. ``@`` in the patterns stands for the answer; zh may be empty (English writers only)."""

    topic: str
    question: str
    told: str  # by the customer, English
    noted: str  # by an agent after a call
    answers: tuple[str, ...]
    told_zh: str = ""
    answers_zh: tuple[str, ...] = ()
    office: bool = False
    country: str = ""


def _k(topic: str, question: str, told: str, noted: str, answers: str, told_zh: str = "", answers_zh: str = "",
       office: bool = False, country: str = "") -> Kind:  # fmt: skip
    return Kind(topic, question, told, noted, tuple(answers.split("|")), told_zh,
                tuple(answers_zh.split("|")) if answers_zh else (), office, country)  # fmt: skip


KINDS: tuple[Kind, ...] = (
    _k("call_time", "When does <name> prefer to be called?",
       "{If you need to call me, please do it|You can ring me, but only} @.", "Prefers to be called @.",
       "after 17:00|before 9:30|between 12:30 and 13:15|after 18:15|on Tuesday mornings|only on Fridays|after 15:30",
       "{如果要打电话|电话联系的话}，请@打给我。", "下午五点以后|上午十点以前|中午十二点半到一点|周五"),
    _k("allergy", "What is <name> allergic to?", "{Please note that I'm|One thing you should know: I'm} allergic to @.",
       "Cust is allergic to @, wants it noted.", "nuts|peanuts|hazelnuts|soya|milk protein|sesame|cocoa",
       "{另外我|顺便说一下，我}对@过敏。", "坚果|花生|芝麻|牛奶蛋白"),
    _k("move", "Where and when is <name> moving?", "{We're|We are} moving to @.", "Moving to @.",
       "Cork in March|Graz at Easter|Lyon in January|Leuven after New Year|Bremen in February|Ghent in December|"
       "Galway in spring|Groningen on 15 January|Porto in April",
       "我们@。", "三月要搬到鹿特丹|明年一月搬去慕尼黑|春节后搬到里昂"),
    _k("birthday", "Whose birthday does <name> mention, and when?",
       "{By the way, it's|Don't tell anyone, but it's} @.", "Mentioned: @ .".replace(" .", "."),
       "my <partner>'s birthday on 14 December|my <partner>'s 50th birthday on 3 March|my mother's 80th birthday on 9 January|"
       "my twin daughters' birthday on 21 November|my best friend's 40th birthday on 2 February",
       "顺便说一下，@。", "我太太的生日是12月14日|我妈妈1月9日过七十大寿|女儿11月21日过生日"),
    _k("headcount", "How many people work in the office of <name>?", "{We're an office of|There are} @ {here|in our office now}.",
       "Office of @.", "12 people|23 people|8 people|31 people|17 people|46 people|14 people",
       "我们办公室有@。", "12个人|23个人|8个人", office=True),
    _k("cable", "What did the dog of <name> do?", "{You won't believe it|Embarrassing}, but our dog @.", "Dog @ (laughs).",
       "chewed the cable of the grinder|ate a whole bag of House Blend|knocked the kettle off the table|buried the tamper in the garden"),
    _k("neighbour", "With whom should a parcel for <name> be left?",
       "{If I'm not in|When nobody opens}, please leave the parcel with @.", "Parcels may be left with @.",
       "Mrs Janssen at number 14|Mr Okonkwo on the ground floor|the bakery next door|our neighbour Henk|the flower shop at the corner|"
       "the caretaker, Herr Lübke|Mrs Dubois upstairs|the library opposite",
       "我不在家的话，包裹请放在@。", "楼下面包店|14号的 Janssen 太太那里|对面的花店|管理员那里"),
    _k("decaf_reason", "Why does <name> want decaf?", "I {want|need} decaf now because @.", "Wants decaf because @.",
       "of my pregnancy|of my blood pressure|my cardiologist said so|I can't sleep any more|of my stomach|of a new medication",
       "我现在要喝低因，因为@。", "胃不好|血压有点高|晚上睡不着|医生建议"),
    _k("brewer", "How does <name> make coffee at home?", "{At home I|I always} make my coffee with @.", "Makes coffee with @.",
       "an old Moka pot from my grandmother|a siphon from Japan|a 1974 lever machine|a camping percolator|a cloth filter|"
       "a Turkish cezve|two Kestrel Drippers side by side", "我在家用@冲咖啡。", "奶奶留下的摩卡壶|日本带回来的虹吸壶|土耳其壶|法兰绒滤布"),
    _k("rival", "Which competitor does <name> mention as cheaper, and at what price?", "@, {just so you know|if I may say so}.",
       "Says @.", "Kaap Koffie sells a kilo for 23.50|Bohnenwerk charges only 8.90 a bag|Roast & Tide delivers for 2.50|"
       "Café Moineau gives students 15 percent off|De Zolder sells the same Kenya for 11.75",
       "跟你们说一声，@。", "Kaap Koffie 一公斤只要23.50|Bohnenwerk 一袋才8.90|Roast & Tide 运费只要2.50"),
    _k("promise", "What was <name> promised?", "{Your colleague|Someone on the phone} promised me @.",
       "Promised cust @.", "a call back by Friday|a new tin instead of the dented one|a sample of the Gesha|"
       "a written apology|an answer from the roastery by Monday|a second burr for free|a corrected invoice by the 10th",
       "上次客服答应@。", "周五之前给我回电话|补寄一个密封罐|送我一份瑰夏小样"),
    _k("wheel", "What should the driver know about the address of <name>?", "For the driver: @.", "Note for driver: @.",
       "the bell doesn't work, please knock|the entrance is in the courtyard|the house is behind the church|"
       "please don't ring before ten, the baby sleeps|the lift is broken, third floor|beware of the goose",
       "请告诉快递员，@。", "门铃坏了，请敲门|入口在院子里|电梯坏了，在三楼"),
    _k("job", "What does <name> do for a living?", "{As|Working as} @ I {drink|need} a lot of coffee.", "Works as @.",
       "a night nurse|a lighthouse keeper|a violin maker|a tram driver|a marine biologist|a pastry chef|a translator of poetry|a locksmith",
       "我是@，所以咖啡喝得多。", "夜班护士|博士生|餐馆厨师|软件工程师"),
    _k("cups", "How many cups a day does the household of <name> drink?", "We {drink|get through} @ {in this house|at home}.",
       "Household drinks @.", "nine cups a day|four cups a day|fourteen cups a day|two cups a day, never more|six cups a day",
       "我们家@。", "一天喝六杯|一天只喝两杯|一天要喝九杯"),
    _k("dislike", "Which coffee does <name> never want to get?", "Please never send me @.", "Never send @.",
       "Sumatra Rain again|anything anaerobic|the Kirinyaga, it upsets my stomach|dark roasts|Winter Hearth|anything from before last week's roast",
       "请以后不要给我寄@。", "苏门答腊雨林|厌氧处理的豆子|深烘的豆子"),
    _k("trip", "Where will <name> travel, and until when?", "We'll be @.", "Away: @.",
       "in Japan until 20 November|in Lapland until 6 January|in Portugal until mid-December|on a boat until the end of November|"
       "in Canada until 2 February", "我们@。", "回国到12月初|在日本待到11月20日|出差到11月底"),
    _k("wedding", "What celebration does <name> need coffee for?", "I {need|will need} coffee for @.", "Needs coffee for @.",
       "my sister's wedding with 80 guests|our school's open day on 28 November|a funeral in our village|a chess tournament with 40 players|"
       "my retirement party on 12 December", "我要为@准备咖啡。", "妹妹的婚礼（80位客人）|社区中文学校的活动|春节聚会（40人）"),
    _k("hearing", "How should <name> be contacted, and why?", "Please {write|send a mail} and don't call: @.", "No calls, mail only: @.",
       "I'm hard of hearing|I work nights and sleep by day|I stammer on the phone|there's no reception where I live",
       "请发邮件，不要打电话，@。", "我荷兰语说得不好|我上夜班|实验室里没有信号"),
    _k("machine_old", "Which machine of another make does <name> use?", "My machine is @.", "Uses @.",
       "a Silvana Classic from 2009|a Brillo 3 with a cracked tank|a second-hand Torrente|a Monte Duo bought in Trieste|a borrowed Pavonetta",
       "我的咖啡机是@。", "二手的 Torrente|2009年的 Silvana Classic|朋友送的 Pavonetta"),
    _k("water", "What does <name> say about their water?", "Our water {here |}is @.", "Water: @.",
       "very hard, 21 degrees|soft, it comes from our own well|filtered by osmosis|bottled, because of old lead pipes", "我们这里的水@。",
       "很硬，有21度|用的是桶装水|过滤过的"),
    _k("partner", "Who else decides about coffee in the household of <name>?", "Please {ask|talk to} @, {not me|that's the coffee person here}.",
       "Talk to @ about coffee.", "my flatmate Jovan|my sister Ottilie|our office manager, Ms Perrin|my son Lasse|my cousin Sefa",
       "咖啡的事请问@。", "我妹妹小林|我室友 Jovan|办公室的周姐"),
    _k("budget", "What is the most <name> wants to spend per month?", "I {don't want|can't afford} to spend more than @.",
       "Budget: not more than @.", "18 euros a month on coffee|25 euros a month on coffee|40 euros a month on coffee|15 euros a month on coffee",
       "我每个月@。", "咖啡预算最多25欧元|最多花18欧元买咖啡|咖啡不想超过40欧元"),
    _k("return_back", "When will <name> decide about the subscription?", "I'll decide @ {whether I go on|if I keep the plan}.", "Will decide @.",
       "after the summer holidays|when the new contract is signed|at the end of November|once the baby is here|after my exams in January",
       "要不要继续，我@再决定。", "考完试|年底|搬完家"),
    _k("grinder_lent", "What happened to the grinder of <name>?", "My grinder @.", "Cust's grinder @.",
       "fell down the stairs|is on loan to my brother in Aachen|was stolen from the camper van|went through the dishwasher|is at the bottom of the canal",
       "我的磨豆机@。", "搬家的时候摔坏了|借给同学了|被孩子拆了"),
    _k("compensation", "What does <name> want as compensation?", "As compensation I'd like @.", "Would like @ as compensation.",
       "a bag of Gesha|the shipping costs back|a handwritten apology|ten percent off the next order|a visit to the roastery",
       "希望补偿我@。", "一袋瑰夏|运费|下单九折"),
    _k("visit", "When does <name> want to visit the roastery?", "{We'd like|I plan} to visit {you|the roastery} in Utrecht @.", "Wants to visit the roastery @.",
       "on 21 November with six friends|in the Christmas holidays|on Saturday 7 November|with my class in January", "我们想@去乌得勒支参观烘焙厂。",
       "11月21日|圣诞假期|下个周六"),
    _k("charity", "What does <name> use coffee for besides drinking at home?", "Part of the coffee goes to @.", "Part goes to @.",
       "the repair café on Wednesdays|a refugee centre|the sailing club|a soup kitchen at the station|the choir's rehearsals"),
    _k("pet_name", "What is the pet of <name> called?", "@ {says hello|sends greetings}, by the way.", "Pet: @.",
       "Our parrot Espresso|Our cat Mocha|Our dachshund Bonus|My tortoise Crema|Our rabbit Kopi", "顺便，@向你们问好。",
       "我家猫咪摩卡|我家鹦鹉拿铁|我家小狗豆豆"),
    _k("study", "What does <name> study or train for?", "I'm {studying|training for} @, so {money is tight|nights are long}.", "Busy with @ at the moment.",
       "veterinary medicine|the barista championship in Gent|church music|a marathon in April|naval architecture",
       "我在读@，经常熬夜。", "建筑学博士|医学院|食品化学硕士"),
    _k("colleague", "Who told <name> about Larkfield?", "I {found|got to know} you through @.", "Came to us through @.",
       "a podcast about roasting|my dentist|a stall at the Deventer book market|my late father, who was a customer|a sticker on a ferry",
       "我是通过@知道你们的。", "小红书|我的牙医|留学生群|一位荷兰同事"),
    _k("vip", "Which accessibility need does <name> mention?", "{Please note|For your information}: @.", "Note: @.",
       "I'm blind and use a screen reader|I'm in a wheelchair and can't carry boxes upstairs|I have arthritis and can't open the tins|my mother doesn't speak English and opens the door"),
    _k("rescue", "What did <name> use instead when the coffee ran out?", "{We ran out and|Last week I} had to drink @.", "Ran out, drank @.",
       "chicory from the war cupboard|my son's energy drinks|instant from the petrol station|tea for six days"),
    _k("side_business", "What business does <name> plan to open?", "Next year I'm opening @.", "Opens @ next year.",
       "a small bookshop with a coffee corner in Zutphen|a bed and breakfast in Kinsale|a bicycle repair shop with espresso bar|a pottery studio in Weimar",
       "明年我要开@。", "一家奶茶咖啡店|一间小书店|一家民宿"),
    _k("invoice_ref", "Which reference must be on the invoices of <name>?", "Please put @ on every invoice.", "Invoices need @.",
       "cost centre 4711|reference KST-208|the project name Blauwe Hoek|purchase order PO-3392|cost centre 90-115", "发票上请注明@。",
       "成本中心4711|项目号 KST-208", office=True),
    _k("floor", "Where should the coffee of <name> be delivered in the building?", "Please deliver to @.", "Deliver to @.",
       "the 4th floor, not the reception|the side entrance on the quay|the workshop, ask for Ruud|the loading bay before 8:00", "请送到@。",
       "四楼，不是前台|侧门", office=True),
    _k("strike_need", "Why does <name> urgently need the delivery?", "I need it {urgently|so badly} because @.", "Urgent because @.",
       "my in-laws arrive on Sunday|we reopen the café on Monday|it's the only thing my father still enjoys|I'm snowed in from December on"),
)  # fmt: skip

_START = re.compile(r"^(of my |of a |of |my |our |a |an |the |is |I'm |My |Our )(?=.)")
_LEADS = ("", "", "", "By the way: ", "One more thing: ", "PS: ", "Oh, and ", "Also: ")


def compose(rng: random.Random, kind: Kind, voice: str, language: str, partner: str) -> tuple[str, str]:
    """(sentence, answer) for one fact; ``voice`` is ``customer`` or ``agent``."""
    if language == "zh" and voice == "customer":
        answer = rng.choice(kind.answers_zh)
        return render(rng, kind.told_zh, {}).replace("@", answer), answer
    answer = rng.choice(kind.answers).replace("<partner>", partner)
    pattern = kind.told if voice == "customer" else kind.noted
    text = render(rng, pattern, {})
    if voice == "agent":  # in an agent's note "my wife" is the customer's
        for mine in ("my ", "our ", "My ", "Our "):
            answer = answer.replace(mine, "")
        for mine, theirs in (("I'm ", "is "), ("I ", ""), ("we ", "they "), ("I can't", "can't")):
            if answer.startswith(mine):
                answer = theirs + answer[len(mine) :]
    text = text.replace("@", answer)
    answer = _START.sub("", answer)
    if voice == "customer":
        lead = rng.choice(_LEADS)
        if lead:
            first = text.split(" ", 1)[0]
            keep = first.startswith("I'") or first in ("I", "Kaap", "Bohnenwerk", "Roast", "Café", "De")
            text = lead + (text if keep or lead.endswith(": ") else text[0].lower() + text[1:])
        else:
            text = text[0].upper() + text[1:]
    else:
        text = text[0].upper() + text[1:]
    return text, answer
