"""English greetings, farewells, moods and reviews, whatever the matter is."""

from assistant.crm.demo.phrases import lines

GREETINGS = {
    "formal": lines(
        "Dear Larkfield Coffee,\nDear Sir or Madam,\nDear team,\nGood {morning|afternoon|day},\nDear all,"
    ),
    "plain": lines(
        "Hello,\nHi,\nHi there,\nHello Larkfield,\nHello team,\nHi all,\nHey,\nHello {again|from <city>},"
    ),
    "none": ("",),
}
CLOSINGS = {
    "formal": lines(
        "Kind regards,\nBest regards,\nYours sincerely,\nWith kind regards,\nMany thanks in advance,"
    ),
    "plain": lines(
        "Thanks,\nCheers,\nThanks a lot,\nBest,\nGreetings from <city>,\nThank you,\nBye,\nAll the best,"
    ),
    "none": ("",),
}
HOME_CLOSINGS = {
    "NL": ("Groetjes,", "Met vriendelijke groet,", "Groet,"),
    "DE": ("Viele Grüße,", "Liebe Grüße,", "Mit freundlichen Grüßen,"),
    "FR": ("Cordialement,", "Bien à vous,", "Bonne journée,"),
    "BE": ("Vriendelijke groeten,", "Groetjes,"),
    "AT": ("Liebe Grüße,", "Schöne Grüße aus <city>,"),
    "IE": ("Cheers,", "Thanks a million,"),
}
CHAT_STARTS = (
    "",
    "",
    "",
    "hi",
    "hello",
    "hey",
    "hi there",
    "good morning",
    "hello, a question",
    "quick one:",
)
CHAT_ENDS = ("", "", "", "thanks", "thx", "cheers", "ok thanks", "thank you!", ":)")

MILD = lines("""
    {Not the end of the world|It's no drama}, {but I wanted to tell you|but good to know for you}.
    {I'm sure it's an exception|These things happen}.
    {I'm a patient person|I'm not in a hurry}, {no worries|take your time}.
    {Otherwise|Apart from that} {I'm happy with you|all is well}.
    {Thanks for looking into it|Thank you for your help}.
""")
CROSS = lines("""
    {I'm quite annoyed|I'm disappointed, honestly}.
    {This is not what I pay for|I expected better from you}.
    {It's starting to get on my nerves|It spoils the fun a bit}.
    {I had to take time for this again|That's another evening gone}.
    {Please take it seriously|Please don't send me a standard answer}.
    {That's really poor|Not good enough}.
""")
FURIOUS = lines("""
    {I'm furious|I'm really angry now}. {This can't be true|Unbelievable}.
    {One more time and I'm gone|If this happens again, I cancel}.
    {Worst service I've had in years|I have never seen anything like it}.
    {I feel ripped off|You're wasting my time}.
    {I'll say so in every review|My friends will hear about this}.
    {Fix it, or give me my money back|I want this solved today}!
""")
GLAD = lines("""
    {Keep going like that|Don't change a thing}!
    {You've got a customer for life|I'm staying with you}.
    {It makes my mornings|Something to look forward to every day}.
    {Thank you|Thanks} {so much|to all of you}!
""")
FOLLOW_UPS_GOOD = lines("""
    {thanks, that was quick|great, thank you}! {All sorted|That settles it}.
    {perfect|wonderful}, {that helps|that's all I wanted to know}.
    {thank you for the quick answer, <agent>|thanks <agent>}. {Good solution|Fine with me}.
    {that works for me|okay, agreed}. {Have a nice day|Have a good weekend}!
    {I appreciate that|That's very kind}. {Then I'm happy again|You've saved the week}.
""")
FOLLOW_UPS_BAD = lines("""
    {that doesn't help me|that's not an answer to my question}. {I still have no solution|Nothing has changed}.
    {it's been <days> days|another week} {and nothing has happened|without any news}. {Is anyone working on this|Hello}?
    {you promised to get back to me|<agent> wanted to call me}. {I'm still waiting|No call, no mail}.
    {sorry, but|with respect}, {these are excuses|I've read that sentence before}. {What are you going to do|I want a real solution}.
    {still not solved|same problem again}. {This is getting ridiculous|I don't know what else to say}.
    {so the answer is no|so I'm left with it}? {Then I know where I stand|Good to know for next time}.
""")
FOLLOW_UPS_BAD_AT_ONCE = lines("""
    {that doesn't help me|that's not an answer to my question}. {I still have no solution|Then I don't know what else to do}.
    {sorry, but|with respect}, {these are excuses|I've read that sentence before}. {I want a real solution|Is that all}?
    {so the answer is no|so I'm left with it}? {Then I know where I stand|Good to know for next time}.
    {that's what they told me last time|I've heard that before}. {We'll see|Let's hope it's true this time}.
""")
FOLLOW_UPS_QUESTION = lines("""
    {thanks|thank you}, {clear now|that's clear}!
    {great|super|fine}, {that was fast|I didn't expect such a quick answer}. {Thanks|Thank you, <agent>}!
    {good|very good}. {I've noted it|Noted}. {Have a nice day|Bye}!
    {ok|alright}, {no further questions|that's all}.
""")
SECOND_REPLIES = lines("""
    {I'm sorry that you had to ask twice|You shouldn't have had to write again}. {I've taken it over myself|It's with me now} and {you'll hear from me tomorrow|will ring you this week}.
    {I've looked at the whole history|I've read everything again}: {that was our fault|we were too slow}. {It's corrected now|I've put it right today}.
    {Understood|You have a point}. {I've asked my team lead to look at it as well|I'm checking with my team lead} and {come back to you|write again} {tomorrow|by <weekday>}.
""")
REPLY_STARTS = lines(
    "Hello <first>,\nHi <first>,\nDear <first>,\nHello,\nGood morning <first>,\nDear <name>,"
)
REPLY_ENDS = lines(
    "{Kind regards|Best wishes|Warm regards|Best}, <agent>\n<agent>, Larkfield Coffee\nGreetings from Utrecht, <agent>\n{All the best|Have a good day}, <agent>"
)
NOTE_STARTS = (
    "",
    "",
    "",
    "Inb.",
    "Inbound call.",
    "Phone, {3|4|6|8|11} min.",
    "Call.",
    "Rang in.",
    "{Short|Long} call.",
)
NOTE_ENDS = {  # by whether the mood was all right
    False: (
        "",
        "",
        "",
        "",
        "Closed.",
        "Done.",
        "F/u if needed.",
        "{Bit short|Curt} on the phone.",
        "Logged.",
        "Wrote it down.",
    ),
    True: (
        "",
        "",
        "",
        "",
        "Closed.",
        "Done.",
        "{Friendly|Nice} talk.",
        "No further action.",
        "OK.",
        "Logged.",
    ),
}
NOTE_MOODS = {
    -2: ("Very upset.", "Was shouting at first.", "Angry, threatened to leave."),
    -1: ("A bit annoyed.", "Cool on the phone.", "", "Not amused."),
    0: ("", "", "Neutral.", "Calm."),
    1: ("In good spirits.", "Very happy.", "Lovely person."),
}
TIDBITS = lines("""
    {It's raining again in <city>|Grey day here in <city>}, {so coffee is all we have|and I need my cup}.
    {My desk is the kitchen table these days|I'm typing this between two meetings}.
    {The dog sends regards|My cat likes the boxes, too}.
    {Excuse my English|Sorry for my English, it's not my first language}.
    {I hope you all had a nice weekend|I hope you're not too busy}.
    {My teenager has discovered cappuccino|My mother has started drinking filter coffee}, {so we need more|heaven help us}.
    {We've just come back from the coast|We were camping last week}.
    {By the way, the new bags look good|I like the new labels}.
    {I'm on the train, so in short|Writing on my phone, so please excuse mistakes}.
    {I've roasted beans in a pan myself once, never again|My grandmother boiled it for ten minutes}.
    {It's six in the morning and the house is still asleep|It's late and I should be in bed}.
    {The neighbours upstairs are drilling again|The scaffolding in front of the window is still there}, {so forgive the tone|one gets nervous}.
    {In <city> the trams are on strike, too|Half of <city> is a building site}.
    {Two of us drink it black, the third one ruins it with sugar|We drink it black, all of us}.
    {I'm told I write too long mails|My <partner> says I should keep it short}.
    {The tomatoes are finally red|First snow this morning}, {not that it matters here|just so you know}.
    {Our old machine at work makes something brown and warm|The coffee at work is a crime}.
    {I read your mails, even the long ones|I like your newsletter, when it comes}.
    {My colleague looked over my shoulder and says hello|Greetings from my colleagues as well}.
    {I've got a cold and taste half of it anyway|With a cold everything tastes the same}.
""")
STORIES = lines("""
    {When I was little, my grandfather ground the beans between his knees every Sunday, and that smell is why I {order from you|am so fussy}|My grandfather had a grocer's shop with a red grinder on the counter, and nothing has smelled as good since}.
    {We started with capsules, then a friend gave us a bag of your house blend, and since then there's no way back|Until two years ago I drank instant and was perfectly happy; that's over now, and it's your doing}.
    {We've turned the corner of the kitchen by the window into what the children call the laboratory: scale, kettle, notebook and all|My brother calls our kitchen a chemistry set, but he always asks for a second cup}.
    {I teach at a school, and the pot in the staff room is the only thing that all of us agree on|I work from home three days a week, and the eleven o'clock cup is the best part of the day}.
    {In the holidays we took a bag and the hand mill along, and half of the campsite came by to smell|On our last trip we forgot the coffee, turned round after forty kilometres and fetched it}.
    {My <partner> keeps a list on the fridge in which every bag gets a mark; yours are mostly at the top|We have a little ritual at home: the first cup of a new bag is drunk in silence, then everybody has to say one word}.
    {I'm not someone who writes to companies; the last time was about a toaster in 1998|I had to look for the address for a while, since normally I only write to the tax office}.
    {The winter was long here, with the roof being repaired and all of us living in two rooms, so small pleasures count|It's been a full year with a move, a new job and a baby in the family, and coffee has kept us going}.
""")

REVIEW_TITLES = {
    1: ("{Never again|Waste of money|Very disappointed|No}",),
    2: ("{Not for me|Expected more|Meh|Below expectations}",),
    3: ("{Okay|Decent|Mixed feelings|So-so|It's fine}",),
    4: ("{Good|Really nice|Recommended|Very good, small minus}",),
    5: ("{Love it|Excellent|Perfect|My favourite|Five stars|Wonderful}",),
}
REVIEWS: dict[str, dict[int, tuple[str, ...]]] = {
    "beans": {
        1: lines("""
            {undrinkable|awful|couldn't finish the cup}. {Sour|Bitter|Burnt|Stale} {and nothing else|from the first sip}.
            {smelled of wet cardboard|tasted of ash}. {Down the sink|Gave the bag away}.
            {no idea who this is for|I don't get the hype}. {Harsh|Hollow}, {no sweetness at all|thin as tea}.
            {worst bag I've had from Larkfield|really bad bag}. {Oily, dark, dead|The beans looked old}.
        """),
        2: lines("""
            {too sour for us|too bitter for my taste}, {even with milk|whatever I tried}. {Won't buy again|Not again}.
            {the description promises {fruit|chocolate}, I found {toast|grass}|not much of the notes on the label}. {Pity|Shame at that price}.
            {flat|a bit dull} {compared with|next to} the House Blend. {Expected more|Not worth the extra money}.
            {drinkable, no more|just about okay with sugar}. {My last bag was better|The last roast was nicer}.
        """),
        3: lines("""
            {decent coffee|a solid cup}, {nothing special|nothing I'd cross the street for}. {Fine for weekdays|Okay with milk}.
            {nice smell, average taste|smells better than it tastes}. {Maybe I need another grind|Might need a finer grind}.
            {good as filter, less so as espresso|fine black, lost in milk}.
            {okay for the price|alright}, {but I'll try another one next|though not a favourite}.
        """),
        4: lines("""
            {very nice|lovely} {and round|and balanced}, {a little less acidity would be perfect|only the bag could close better}.
            {really good {in the moka pot|as pour over|with milk}|we like it a lot}. {One star less for the price|Slightly expensive}.
            {fresh|roasted four days before it came}, {sweet|clean} {and easy to brew|and forgiving}. {Will buy again|Next bag ordered}.
            {fruity without being sour|chocolate, a bit of nut}. {Good everyday coffee|Recommended}.
        """),
        5: lines("""
            {best coffee I've had at home|simply perfect}. {Sweet, clear, long finish|You taste every note on the bag}.
            {I'm on my {third|fifth|tenth} bag|we order it again and again} {and still look forward to it|and never get tired of it}.
            {smells like a bakery in the morning|the smell alone is worth it}. {Great as {filter|espresso|flat white}|Works with everything}.
            {fresh, friendly, fantastic|great coffee, quickly delivered}. {Guests always ask|My office wants it too}.
            {even my <partner> noticed|my <partner>, who hates light roasts, asked for a second cup}. {Wonderful|That says it all}.
        """),
    },
    "gear": {
        1: lines("""
            {broke after|stopped working after} {three weeks|two months}. {Repair takes ages|No use to me}.
            {loud, messy, uneven|cheaply made}. {Sent it back|I regret buying it}.
            {leaks|wobbles} {from day one|since the first week}. {Not acceptable at that price|Hands off}.
        """),
        2: lines("""
            {looks nice, works badly|pretty but impractical}. {Hard to clean|The lid never fits}.
            {expected more for the money|for that price I expected better}. {Noisy|Plastic feels cheap}.
            {does its job, somehow|works on good days}. {Manual is useless|Took me a week to get decent results}.
        """),
        3: lines("""
            {does what it should|fine for the price}, {nothing more|not a beauty}. {Cleaning takes time|A bit fiddly}.
            {good idea, average finish|solid, but heavy}. {Instructions could be clearer|The handle gets hot}.
        """),
        4: lines("""
            {well made|solid thing} {and easy to use|and nice to look at}. {Only the cable is too short|A little loud}.
            {after a week of practice|once you know how} {it makes great coffee|I wouldn't want to miss it}. {Minus one star for the manual|Small learning curve}.
            {good value|better than my old one}. {Quick delivery|Arrived well packed}.
        """),
        5: lines("""
            {changed my mornings|best thing in my kitchen}. {Worth every cent|I'd buy it again at once}.
            {beautiful, sturdy, easy to clean|simple and well thought out}. {Highly recommended|Perfect gift, too}.
            {bought it on advice of your team|good advice on the phone}, {and they were right|it's exactly what I needed}.
        """),
    },
    "tea": {
        1: lines("{dusty and bitter|tastes like hay}. {No|Not my cup of tea, literally}."),
        2: lines(
            "{weak|rather bland}, {I need double the amount|hardly any smell}. {Coffee is what you do better|Stick to coffee}."
        ),
        3: lines("{nice enough|pleasant}, {nothing to write home about|a bit pricey for tea}."),
        4: lines(
            "{lovely smell|good quality leaves}, {two or three infusions|fresh and clean}. {A bigger bag would be good|Will buy again}."
        ),
        5: lines(
            "{wonderful tea from a coffee roaster, who'd have thought|my evening tea now}. {So aromatic|Delicate and fresh}!"
        ),
    },
}
REVIEW_MORE = {
    1: lines(
        "{Customer service didn't help|Nobody answered my mail}.\n{I used to like this shop|Sad, I was a fan}.\n{Save your money|Look elsewhere}."
    ),
    2: lines(
        "{Delivery was fine at least|Fast delivery, I give it that}.\n{Maybe others like it|A matter of taste, perhaps}.\n{Price went up, quality didn't|Too expensive for that}."
    ),
    3: lines(
        "{Delivery took {four|five} days|Delivery was okay}.\n{I'd buy it on sale|Would try it again at a lower price}.\n{My <partner> likes it more than I do|Opinions differ at our table}."
    ),
    4: lines(
        "{Delivery in two days|Came quickly}.\n{I use a {Kestrel Dripper|moka pot|portafilter|fully automatic machine}|Brewed as filter, mostly}.\n{Would recommend|Recommended to my sister already}."
    ),
    5: lines(
        "{Delivery was quick as always|Two days to <city>}.\n{Thank you|Thanks, Larkfield}!\n{I use a {V60|French press|moka pot|portafilter}|I drink it black}.\n{Bought as a gift, kept it myself|Second order already}."
    ),
}
REVIEWS["brewer"] = {
    1: lines("""
        {arrived with a crack|cracked in the first week}. {Not amused|That's it for me}.
        {drips everywhere but into the cup|burnt my fingers on it}. {Badly designed|Who tested this}?
    """),
    2: lines("""
        {pretty, but impractical|nice to look at}. {Cleaning it is a pain|Grounds in every corner}.
        {coffee gets cold too fast|too small for two}. {Should have bought the bigger one|Back in the cupboard}.
    """),
    3: lines("""
        {does what it should|works}, {nothing more, nothing less|like the one I had for half the price}.
        {good coffee once you know how|takes some practice}. {Manual could be better|The first ten cups were so-so}.
    """),
    4: lines("""
        {well made|good weight in the hand}, {easy to rinse|easy to clean}. {A little pricey|Could be a bit bigger}.
        {makes a clean cup|better coffee than from my old one}. {No idea why I waited so long|Good buy}.
    """),
    5: lines("""
        {use it every single day|first thing I touch in the morning}. {Simple and beautiful|Nothing that can break}.
        {what a difference to my old one|my coffee has never been that good}. {Perfect for one or two|Highly recommended}.
        {a joy|pure joy}, {from the smell to the last drop|even for a beginner like me}. {Bought a second one for the office|Makes a great gift}.
    """),
}
REVIEWS["small"] = {
    1: lines(
        "{not what was pictured|doesn't fit}. {Sent back|Money wasted}.\n{fell apart after a month|useless}. {Never again|Cheap stuff}."
    ),
    2: lines(
        "{expected more for the price|flimsy}. {Any supermarket has better|Works, more or less}.\n{too small|awkward to use}. {Hm|Not convinced}."
    ),
    3: lines(
        "{it's okay|ordinary thing}, {does its job|nothing special}.\n{fine, but pricey|usable}. {Would look around next time|Nothing to complain about, nothing to praise}."
    ),
    4: lines(
        "{good quality|solid}, {fits well|does what it promises}. {Slightly expensive|Would buy again}.\n{useful little thing|handy}. {I use it daily|Quick delivery, too}."
    ),
    5: lines(
        "{exactly right|perfect fit}. {Should have had it years ago|Small thing, big difference}.\n{great quality|beautifully made}, {fair price|I use it every day}. {Thank you|Recommended}!"
    ),
}
# Reviews that name what the coffee or tea tastes of; <note> and <note2> come from its description.
TASTED = {
    1: lines(
        "{they promise <note>|<note>, says the label}. {I taste burnt toast|Not a trace of it}.\n{if this is <note>, I'm the king of Spain|<note>? More like wet dog}."
    ),
    2: lines(
        "{<note> on the label, cardboard in the cup|looked for the <note> and didn't find it}.\n{a hint of <note> maybe|some <note> at best}, {then only bitterness|then nothing}."
    ),
    3: lines(
        "{the <note> is there|you do get the <note>}, {the rest is a bit flat|but the finish is short}.\n{some <note>, some <note2>|<note>, yes}, {all in all average|nothing that stays in mind}."
    ),
    4: lines(
        "{nice <note>|clear <note>}, {gentle <note2>|and a little <note2> at the end}. {Would like it a bit stronger|Very good}.\n{I really get the <note>|the <note> comes through}, {above all when it cools down|even with milk}."
    ),
    5: lines(
        "{<note> and <note2>, just as described|so much <note>}! {Incredible|I didn't believe the label, now I do}.\n{you smell the <note> before the water touches it|the <note> stays for minutes}. {Magic|Bravo}.\n{first sip <note>, then <note2>|hello <note>}! {My new favourite|What a find}."
    ),
}
FOLLOW_UPS_GOOD_PARCEL = lines("""
    it {came|arrived} {this morning|today|an hour after your mail}, {thank you for the trouble|all fine now}.
    {everything is here|the parcel is here now}. {I take it all back|Well done}, {thanks|thank you <agent>}!
    {DHL rang at last|it was at the door today}. {Sorry for being grumpy|Peace restored}.
""")
FOLLOW_UPS_ADVICE = lines("""
    {tried it this morning|did as you said}, {much better already|what a difference}. {Thanks|Thank you, <agent>}!
    {ah, good to know|that explains it}. {I'll try it tomorrow|Will do}.
    {and does that also go for|is it the same for} {the house blend|the 1 kg bags|my old moka pot}?
    {finer it is|one step finer helped}, {thanks|you were right}.
""")
# What long letters add about the writer; all of it is so in the record.
CONTEXT = lines("""
    {I've been a customer since <since>|I have been ordering from you since <since>}.
    {I'm on the <plan> plan|You'll find me under the <plan> plan}, {customer number <id>|in case you need it: <id>}.
    {My customer number is <id>|That's account <id>}, {if that helps|to save you the search}.
    {You may remember me from <city>|I'm the one from <city>}, {postcode <postcode>|<postcode> <city>, to be exact}.
""")
