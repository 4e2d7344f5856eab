"""English phrases about prices, bills, subscriptions and the account."""

from assistant.crm.demo.phrases import Topic, lines

TOPICS: dict[str, Topic] = {
    "billing": Topic(
        subject="{Charged twice|Wrong amount|Invoice <order>|Billing question|Mistake on my bill}",
        tell=lines("""
            {I was charged twice|you took the money twice} for <order>: <amount> on <ordered> and {again two days later|the same amount again on <weekday>}.
            {the amount for <order> is wrong|my bill for <order> can't be right}. {I count <amount>|It should be <amount>}, you took {more|something else}.
            {my bank shows|there is} a payment to you {I can't place|that doesn't match} <order> (<amount>).
            {the discount is missing on|you forgot my discount on} <order>. {I was promised it|It was shown in the basket}.
            I {paid|was billed} shipping {on|for} <order>, {although I thought it was free|and I don't see why}.
            {please explain the bill for|I don't understand the invoice of} <order>. <amount>, {for what exactly|how come}?
        """),
        more=lines("""
            {Screenshot attached|I can send the bank statement}.
            {It's not about the money, it's about order|It may look small, but I check these things}.
            {I've already called once about this|The person on the phone said it would be corrected}.
            {PayPal shows both payments|Both are marked as final}.
        """),
        ask=lines(
            "{Please correct it|Please refund the difference}.\n{When do I get it back|How soon will it be refunded}?\n{Can someone from accounts look at it|Who can look into it}?"
        ),
        note=lines("""
            Billing <order>, says {double charge|wrong amount}. {Checked: right, refund <amount> started|Passed to accounts}.
            Query on bill <order>. {Explained shipping|Corrected}, cust {ok|satisfied|still doubts}.
        """),
        reply=lines("""
            {You're right|I've checked it}: <order> was {booked twice|billed wrongly}. The difference goes back to you today; banks take two to five days.
            {Sorry for the confusion|Thank you for the careful eye}. I have {passed <order> to accounts|corrected the bill for <order>}, and you'll get {a new invoice|the refund} within the week.
        """),
    ),
    "price_news": Topic(
        subject="{Your mail about the prices|Price increase Home|21.90?|Home plan}",
        tell=lines("""
            {I just read|I got your mail} that Home {goes up to|will cost} 21.90 {from June|from 1 June}. {Really|Is that necessary|Not a nice surprise}?
            {two euros more a month|ten percent} for the same two bags? {My salary didn't rise by ten percent|That's a lot at once}.
            {so Home gets dearer|19.90 was the reason I signed up}. {Do old customers keep their price|Is there any way to keep the old price}?
            {your letter about "rising costs"|the announcement from 15 April} {doesn't convince me|left me cold}. Everyone raises prices, {and now you too|I'd hoped you wouldn't}.
            {is it true|did I read it right} that the Home plan goes from 19.90 to 21.90?
        """),
        more=lines(
            "{I've got four subscriptions and all went up this year|Everything is going up at the moment}.\n{I'm on a pension|We are a family of five on one and a half salaries}.\n{At least you tell us early|Thanks for saying it in time, at least}.\n{I'll think about it until June|I have to do the sums}."
        ),
        ask=lines(
            "{Can I switch to Taster instead|What would Taster cost}?\n{Is there a discount for long-time customers|Anything for loyal customers}?\n{Please reconsider|Think about it again}."
        ),
        note=lines(
            "Re price letter Home. {Annoyed|Understands, but sad}. {Mentioned Taster|May go to Taster}.\nAsked whether old price stays. Said no, from 1 June."
        ),
        reply=lines("""
            I understand. Green coffee, energy and freight cost us much more than two years ago, so Home goes from 19.90 to 21.90 on 1 June. {You can change or stop at any time|If it's too much, Taster at 11.90 may suit you}.
            Thank you for {your frank words|writing to us}. The new price holds for all Home customers from 1 June; {we can't keep the old one|there are no exceptions, to be fair to everyone}.
        """),
    ),
    "price_rise": Topic(
        subject="{21.90 now?|Higher price for Home|Too expensive|My June bill}",
        tell=lines("""
            {so now it's 21.90|I see 21.90 on my bill}. {For the same two bags|Same coffee, higher price}. {I'm not happy|Not impressed}.
            {the Home plan has become too expensive|21.90 is more than I want to pay} for {half a kilo of|two bags of} coffee.
            {first bill at the new price|I was just charged 21.90 for Home}. {I must have missed the announcement|Nobody asked me}.
            {ten percent more and|prices up, but} {the quality didn't go up with it|the parcels still come late}.
            {I'm paying 21.90 for Home now|With the new Home price} {and wonder if it's worth it|I could buy three bags at the market}.
        """),
        more=lines(
            "{I'm not the only one, read your reviews|My colleague has already left}.\n{With shipping it's nearly 27 euros|Add the shipping and it's a lot}.\n{I've been with you for a while and expected better|Loyal customers get nothing, new ones get vouchers}."
        ),
        ask=lines(
            "{What can you offer|Can you do something about the price}?\n{How do I change to Taster|I'd like a smaller plan}.\n{Otherwise I'll look elsewhere|Give me a reason to stay}."
        ),
        note=lines(
            "Complaint Home price 21.90. {Considering Taster|Wants to think|Threatens to stop}.\nPrice again. {Listened, explained|Explained costs}. {No result|Will decide next month}."
        ),
        reply=lines("""
            {I see why that stings|Nobody likes that}. The price of Home changed on 1 June, as announced in April. {If you drink less, Taster at 11.90 may fit|You're free to change plan any time before dispatch}.
            Thank you for telling us openly. {We held 19.90 as long as we could|It was the first change since you joined us}. Shall {we look together what fits you best|I put you on Taster for the summer}?
        """),
    ),
    "grumble": Topic(
        subject="{No answer|Disappointed|Not what it used to be|Feedback}",
        tell=lines("""
            {I wrote to you last week|My last mail is five days old} and {nobody answered|still no reply}.
            {it isn't what it used to be|you used to be better}. {The coffee, the parcels, the answers|Everything has become a bit careless}.
            {I spent twenty minutes on hold|The phone rang and rang}. {Is anyone there on <weekday>s|Do you still have staff}?
            {every time I write I get the same standard answer|I'd like to talk to a person, not to text blocks}.
            {the last months were|this year has been} {disappointing|a mixed bag} with you. {First the delivery, then <product>|One thing after another}.
            {too much paper in the box, too little care in the cup|Nice packaging, average coffee lately}.
            {I'm slowly losing patience|My patience has limits}. {I hope someone reads this|Does anyone read this}?
        """),
        more=lines(
            "{I used to recommend you to everyone|I've been a fan for years}.\n{It's a pity|Such a shame, really}.\n{I say this as a friend|Better to tell you than to just leave}."
        ),
        note=lines(
            "General grumble. {Listened 10 min|Let her/him talk}. {Mood: poor|Feels unheard}.\nUnhappy, {slow answers|many small things}. {Apologised|Said we do better}."
        ),
        reply=lines("""
            {You're right to complain|That hurts, but thank you}, and I'm sorry that you had to wait. {I have your case on my desk now|From now on please write to me directly}.
            {I've read your mail twice|Thank you for the honest words}. {What would help most|Tell me what we can put right first}?
        """),
    ),
    "competitor": Topic(
        subject="{Cheaper elsewhere|Other roasters|Comparison|Question about prices}",
        tell=lines("""
            {I tried a bag from|a friend gave me coffee from} {Bohnenwerk|Roast & Tide|Kaap Koffie|De Brandmeester around the corner|Café Moineau}, {cheaper and just as good|and it was really nice}.
            {Bohnenwerk|Kaap Koffie|Roast & Tide} {sends|delivers} {a kilo for 24 euros|free of shipping}. {Why don't you|What do you say to that}?
            there's a new roaster in <city> {who sells for 8.50 a bag|where I can taste first}. {Hard to argue with that|I've been twice now}.
            {I'm comparing a few roasters at the moment|I'm looking around a bit}. {What speaks for you|Why should I stay}?
            {my colleagues buy at|everyone at work now orders from} {Kaap Koffie|Bohnenwerk|Roast & Tide} and {laugh about what I pay|get free delivery}.
        """),
        more=lines(
            "{I'm only being honest|I don't want to threaten, just to tell you}.\n{Your coffee is good, but|Yours is better, perhaps, but not that much}.\n{Their bags are 350 g, too|They even take back the bags}."
        ),
        ask=lines(
            "{Can you match that|Do you have something similar}?\n{What's your best price|Is there a discount}?"
        ),
        note=lines(
            "Mentions {Bohnenwerk|Kaap Koffie|Roast & Tide}, cheaper. {Careful here|May be looking around}.\nCompares prices. {Told him about Larks + fresh roast|Not convinced}."
        ),
        reply=lines("""
            {Competition is good for coffee|They do nice coffee, no question}. We roast {three times a week|on three days a week} and pay farmers well, and that has its price; {I'd be glad if you stayed|perhaps another plan fits better}.
            Thank you for {saying it openly|being frank}. Shall we {see whether a different plan suits you|look at what you really need each month}?
        """),
    ),
    "too_dear": Topic(
        subject="{Prices|Shipping costs|It adds up|Expensive}",
        tell=lines("""
            [ship] {4.90 shipping for|nearly five euros of shipping on} {one bag|a small order} {is too much|hurts}.
            {<product> has become|I find <product>} {rather expensive|hard to afford|a luxury}.
            {I love good coffee, but|it's good, but} {it adds up|my budget says no|I can't spend that every month}.
            [sale] {is there ever a sale|do you never have offers}? {I wait for one every time|At full price I have to think twice}.
            {prices are too high|you're too expensive} {for a normal household|for every day}. {For weekends perhaps|I mix it with cheap beans now}.
        """),
        more=lines(
            "{Two students in the house|I've just gone part-time}.\n{Coffee for the price of wine|At the supermarket it's half}."
        ),
        ask=lines(
            "{Is there a bigger bag that's cheaper|Would a kilo be cheaper}?\n{Any discount code around|Do my points help}?"
        ),
        note=lines("Finds prices / shipping too high. {Explained free from 45|Suggested 1 kg bag}.\n"),
        reply=lines("""
            [ship] {From 45.00 the standard shipping is free|Shipping is free from 45.00}, {so two months in one order help|so it pays to order a little more at once}. {And don't forget your Larks|100 Larks are worth 5.00, too}.
            [sale] {There's a code in the newsletter now and then|Newsletter readers get a code now and then}, {and Larks are a small discount on everything|but we'd rather keep prices steady than shout}.
            {I understand|Fair point}. The 1 kg bags cost less per cup, {and they keep well in portions|if you have room for them}.
        """),
    ),
    "too_much": Topic(
        subject="{Too much coffee|Can't keep up|<plan>}",
        tell=lines("""
            {we have too much coffee|the coffee is piling up}: {four bags in the cupboard|I still have bags from two months ago}.
            {I drink less coffee now|I've cut down to one cup a day}, {and the <plan> plan is too much|so the <plan> box lasts for ages}.
            {my <partner> moved out|the children have left|I'm in the office most days now}, and {I can't get through the <plan> box|it's too much for one person}.
            {I'm thinking about|we're considering} {stopping for a while|giving up the <plan> plan}. {We can't keep up|It's just too much coffee}.
        """),
        more=lines(
            "{It's good coffee, that's not the reason|Nothing wrong with the coffee}.\n{I hate throwing it away|I've given some away already}."
        ),
        ask=lines(
            "{What are my options|Can I get it every two months}?\n{How small can the plan be|Is there anything smaller}?"
        ),
        note=lines(
            "Too much coffee, {<plan>|plan too big}. {Suggested Taster/skip|Told about pause 1-3 months}.\n"
        ),
        reply=lines("""
            {That's easy to fix|No problem}: you can skip single deliveries, pause for 1 to 3 months or change to a smaller plan, each until 3 days before dispatch.
            {Coffee should be drunk fresh, so|Let's slow it down}: {shall I skip the next box|would a pause of two months help}?
        """),
    ),
    "how_cancel": Topic(
        subject="{How to cancel?|Cancellation period|Ending the subscription}",
        tell=lines("""
            {how do I cancel|where can I cancel} my {subscription|<plan> plan}? {I can't find the button|Just asking for now}.
            {what's the notice period|how long am I bound} {for|with} the <plan> plan?
            {if I stop my subscription|suppose I cancel}, {do I lose my Larks|is the next box still sent}?
            {is there a fee for cancelling|what does it cost to cancel}?
        """),
        more=lines(
            "{Nothing decided yet|I haven't made up my mind}.\n{I want to know before the next bill|My next bill is close}."
        ),
        note=lines(
            "Asked how to cancel <plan>. {Told: any time, end of paid period|Explained}. {Asked why -> evasive|Reason: money}.\n"
        ),
        reply=lines("""
            You can cancel at any time in your account under "Subscription"; it ends with the period you've paid for, and there's no fee. {May I ask what's behind it|If something is wrong, tell me}?
            There's no notice period and no fee: the plan ends with the paid period. {A pause of 1 to 3 months is possible too|You could also pause}.
        """),
    ),
    "cancel": Topic(
        subject="{Cancellation|I'm cancelling|End of my <plan> subscription|Goodbye}",
        tell=lines("""
            {please cancel|I'd like to cancel|I hereby cancel} my <plan> {subscription|plan}. <because>
            {I've decided to stop|that's it from me}: please end the <plan> plan. <because>
            {cancel my subscription, please|my subscription ends here}. <because>
            {after some thought I'm ending|we're ending} the <plan> plan{ at the end of the paid period|}. <because>
        """),
        more=lines(
            "{Thanks for the good times|It was nice while it lasted}.\n{Please don't call me about it|No need to try to change my mind}.\n{Maybe I'll be back one day|Who knows, perhaps later again}."
        ),
        ask=lines(
            "{Please confirm|Send me a confirmation}.\n{I don't want another charge|No more debits, please}."
        ),
        note=lines(
            "Cancels <plan>. <because> {Couldn't change mind|Offered pause, no}.\n<plan> cancelled by phone. <because>"
        ),
        reply=lines("""
            {I'm sorry to see you go|A pity}, but of course: your <plan> plan ends with the paid period, and nothing more is charged. {The door stays open|You're always welcome back}.
            Confirmed: the <plan> plan is cancelled as of the end of the paid period. {Thank you for the time with us|All the best}!
        """),
    ),
    "pause": Topic(
        subject="{Pause please|Pausing my <plan>|Break|Away for a while}",
        tell=lines("""
            {please pause|I'd like to pause} my <plan> plan for <span>. {I'm travelling|We're renovating the kitchen|Too many bags here}.
            {I'll be away|we're on parental leave abroad|I'm in rehab after a knee operation} for <span>. {Please stop the deliveries until then|Could you hold the deliveries}?
            {the pause button doesn't work|I can't find how to pause}. I need <span> off.
            {can I pause|is it possible to pause} the <plan> plan for <span>? {Too many bags here|We're travelling}.
        """),
        more=lines(
            "{There's still plenty of coffee here|We still have three bags}.\n{I'll be back after that|After that please go on as before}."
        ),
        note=lines(
            "Pause <plan> for <months> mo. {Done|Entered}.\nWants break <months> months, {travelling|too much stock}. Set."
        ),
        reply=lines("""
            {Done|That's set}: your <plan> plan is paused for <span> and goes on by itself after that.
            {No problem|Of course}. I've paused it for <span>. {Enjoy the break|Have a good time}!
        """),
    ),
    "skip": Topic(
        subject="{Skip next box|Leave out one delivery|Next delivery}",
        tell=lines("""
            {please skip|can you skip|I want to skip} the next {delivery|box}. {I still have enough|We've got guests with their own coffee, believe it or not|We're on holiday}.
            {no box this month please|leave this month out, please}. {There are two bags left|I'm away until the end of the month}.
            {how do I skip|is it too late to skip} the {next|coming} delivery? {I've got two full bags here|The cupboard is full}.
        """),
        more=lines(
            "{Next month as usual|After that everything as before}.\n{I tried it in the app, no luck|The site wouldn't let me}."
        ),
        note=lines("Skip next box. Done.\nSkipped {one delivery|this month} for cust, {away|enough coffee}."),
        reply=lines("""
            {Done|Skipped}: the next box stays here, and the one after that comes as usual.
            I've skipped your next delivery. {You can do that yourself in the account too|By the way, your account has a button for it}, until 3 days before dispatch.
        """),
    ),
    "upgrade": Topic(
        subject="{Bigger plan|More coffee please|Change of plan}",
        tell=lines("""
            {we're always out of coffee|the <plan> box is empty after two weeks}. {What's the next bigger plan|Can I get more}?
            {I'd like to move|please move me} from <plan> {to the next plan up|to something bigger}.
            [what] {what would I pay|what changes} if I {took|went for} Enthusiast instead of <plan>?
        """),
        more=lines(
            "{My sister moved in|Working from home now}.\n{I like the variety|More variety would be nice as well}."
        ),
        note=lines("Interested in bigger plan than <plan>. Explained Enthusiast 39.90, free shipping.\n"),
        reply=lines("""
            Enthusiast is four bags for 39.90 a month, with free shipping and 5 % off equipment. {You can change in your account until 3 days before dispatch|Shall I change it for you}?
        """),
    ),
    "change_grind": Topic(
        subject="{Whole beans from now on|Change grind|Ground for filter}",
        tell=lines("""
            {from now on|starting with the next box} I'd like {whole beans|ground coffee for filter|espresso grind|it ground for French press}, please.
            {I bought a grinder|my grinder gave up}: please send {whole beans|ground coffee} {from the next delivery|next time}.
            {can you change the grind in my plan|where do I change the grind}? {Moka pot now|I've switched to a French press}.
        """),
        note=lines("Grind changed in <plan>, {whole beans|filter|moka}."),
        reply=lines(
            "{Changed|Done}: from the next delivery on you get it that way.\n{Noted for all boxes to come|I've set it in your plan}. {Enjoy the new toy|Have fun with it}!"
        ),
    ),
    "change_day": Topic(
        subject="{Dispatch date|5th or 20th|Other delivery date}",
        tell=lines("""
            {can my box come|could you send the box} on the {5th|20th} instead? {I get paid at the end of the month|I'm never home in that week}.
            {I'd rather have|please change to} the other dispatch day. {We always run out a week early|It would suit me better}.
        """),
        note=lines("Wants other dispatch day. Noted for next period."),
        reply=lines(
            "{Gladly|Sure}. We send on the 5th or the 20th; I've noted the change for the next period."
        ),
    ),
    "swap_beans": Topic(
        subject="{Swap a bag|Other coffee in my box|Next box}",
        tell=lines("""
            [this] {could I have|please put} <bean> in the next box instead of {the usual|the Sumatra|whatever is planned}?
            [this] {no more Sumatra please|not the Anaerobic again, please}. {Rather|I'd prefer} <bean>.
            [choose] {can I choose the coffees myself|how do I choose what's in the box}? {I'd like <bean> every time|Two bags of <bean>, please}.
            [surprise] {surprise me|dealer's choice} for the next box, {but nothing smoky|only no decaf|something fruity}.
        """),
        more=lines(
            "{If it's still possible before dispatch|I hope I'm in time}.\n{The last one was fine, just variety|Nothing wrong with the last ones}."
        ),
        note=lines("Swap in next box -> <Bean>. Done."),
        reply=lines(
            "[this] {Swapped|Done}: <bean> is in your next box.\n[surprise] {With pleasure|We like that}. {The roaster chooses something fruity for you|You'll get something you haven't had yet}.\n[choose] {Yes|Of course}, in your account under \"Subscription\". You can swap bags in your account too, until 3 days before dispatch."
        ),
    ),
    "address": Topic(
        subject="{Address change|We're moving|New address|Delivery address}",
        tell=lines("""
            [move] {we're moving|I'm moving} {next month|on the 1st|in two weeks}. {How do I change my address|Where do I change the address}?
            {please note my new address|new address from next week}: {still <city>, just another street|same city, other end}. {Do you need it in writing|I've put it in the account, please check}.
            [office] {can deliveries go to my office|could you send it to a parcel shop} {from now on|for the next weeks}?
            [label] {the house number on the label is wrong|my name on the label is spelt wrong}. {It should be number 12, not 21|Please correct it}.
        """),
        more=lines(
            "{The next box should go to the new place|I don't want the next one to go astray}.\n{The new tenants don't drink coffee, I asked|The old neighbours would be delighted, I'm sure}."
        ),
        note=lines(
            "Address change, {updated|entered}. Checked spelling.\nMoves within <city>. {New street saved|Will confirm by mail}."
        ),
        reply=lines(
            "[label] {Corrected|Sorry, corrected now}. {The next label will be right|That was our typing}.\n[office] {Yes, any address in our six countries|Of course}: {enter it as a second address|put it in the account and choose it at checkout}.\n[move] {Updated|Changed}. Everything that hasn't shipped yet goes to the new address.\n[move] {Thank you, it's noted|All set}. {Good luck with the move|Have a good start in the new place}!"
        ),
    ),
    "website": Topic(
        subject="{Website problem|Can't pay|App|Checkout error}",
        tell=lines("""
            your {website|shop} {crashes|hangs} {at the payment step|when I click pay|on my phone}. {Third try today|I gave up after three tries}.
            {the basket empties itself|my basket was empty again after logging in}. {Annoying|That can't be meant}.
            {iDEAL|PayPal|my card} {is refused|comes back with an error}, {my bank says it's on your side|elsewhere it works}.
            {the page with my subscription doesn't load|I can't open my orders}. {White page|Just a turning wheel}, since <weekday>.
            {the new design|your new site} {is slow|is hard to read|hides everything}. {I couldn't find the decaf|Where has the search gone}?
        """),
        more=lines(
            "{Firefox on a laptop|An older iPhone}, {if that helps|in case it matters}.\n{So no order today|I ordered somewhere else in the end}."
        ),
        note=lines("Website trouble ({checkout|login|basket}). {Told IT|Order taken by phone}."),
        reply=lines(
            "{Sorry about that|Thank you for telling us}. {Our web people found the fault|It's being fixed}; {please try again|a fresh browser window helps until then}. {I can take the order by phone too|If you like, I place the order for you}."
        ),
    ),
    "login": Topic(
        subject="{Login|Password|Can't get into my account}",
        tell=lines("""
            [reset] {I can't log in any more|my password isn't accepted}. {The reset mail doesn't come|No mail arrives when I click reset}.
            [mail] {how do I change my e-mail address|I have a new e-mail address}, {the old one will be switched off|my old provider is closing}.
            [locked] {my account says "locked"|account locked after three tries}. {Please open it again|What now}?
        """),
        note=lines("Login trouble, reset sent.\nAccount unlocked after check."),
        reply=lines(
            '[reset] I\'ve sent you a new link; {it works for 30 minutes|please use it within 30 minutes}. {Have a look in the spam folder too|Sometimes it lands in spam}.\n[locked] {After 15 minutes the lock opens by itself|The lock opens after 15 minutes}. {Choose a new password at the next login|Please set a new password}.\n[mail] In your account under "Personal details"; {we confirm it to both addresses|a mail goes to the old and the new address}. {If the old one is gone already, please call us|Do it while the old one still works}.'
        ),
    ),
    "payment": Topic(
        subject="{Payment method|New bank account|Change card}",
        tell=lines("""
            [card] {my card expires|I've got a new card} {this month|soon}. {Where do I change it|How do I give you the new one}?
            [card] {can I pay by|do you take} {direct debit|PayPal|invoice|bank transfer} {instead|from now on}?
            [bounced] {the last payment bounced|my bank refused the debit}, {I changed banks|sorry about that}. {What do I do|Shall I transfer it}?
        """),
        note=lines("Payment method change, {sent link|explained in account}."),
        reply=lines(
            'You can change it in your account under "Payment": iDEAL, card, PayPal or SEPA direct debit. {Invoice is for Office customers only|}\n[bounced] {No harm done|That happens}. {We try again in a few days|The next attempt runs by itself}; {please put the new account in under "Payment"|just change the account under "Payment" before that}.'
        ),
    ),
    "invoice": Topic(
        subject="{Invoice please|Receipt for my taxes|VAT invoice}",
        tell=lines("""
            {please send me|I need} {an invoice|a proper invoice with VAT} for {my last order|this year's orders}. {It's for my taxes|My bookkeeper asks}.
            {where do I find my invoices|the invoice wasn't in the box}. {My accountant needs it|I need it by <weekday>}.
            [name] {the name on the invoice is wrong|can the invoice be made out to my business}? {My firm pays|It should name the firm}.
        """),
        note=lines("Invoice copy sent.\nWants VAT invoice, mailed."),
        reply=lines(
            '{Attached|Here it is}: the invoice as PDF. {All of them are in your account under "Orders" too|You\'ll find older ones in your account}.'
        ),
    ),
    "larks": Topic(
        subject="{My Larks|Points|Larks expired?}",
        tell=lines("""
            [use] {how many Larks do I have|where do I see my Larks}? {And what are they worth|How do I use them}?
            [use] {my Larks have disappeared|some of my points are gone}. {Do they expire|Have they run out}?
            [what] {can I use Larks for|do Larks work on} {a subscription|a machine|gift cards}?
            [gold] {what do I need for Gold|how far am I from Gold}? {Is it by calendar year|Do subscriptions count}?
        """),
        more=lines(
            "{I'd been saving for a kettle|I never used any}.\n{A reminder before they expire would be nice|}"
        ),
        note=lines("Larks question. Explained 100 = 5.00, 18 months."),
        reply=lines(
            "[use] You get 1 Lark per euro, and 100 Larks are worth 5.00; they expire after 18 months. {Your balance is at the top of your account|Use them at checkout}.\n[gold] Silver starts at 150 in the last 12 months, Gold at 400. {Subscriptions count|Everything you buy except gift cards counts}.\n[what] Larks work on everything in the shop except gift cards, in steps of 100. {A subscription box can't be paid with them|Only subscription boxes are left out}."
        ),
    ),
    "gift": Topic(
        subject="{A present|Gift subscription|Coffee as a gift}",
        tell=lines("""
            [idea] {I'm looking for a present|what would you give} {for my brother, who is a coffee nerd|for a couple who just married|for my boss|for my retired father}. {Budget 50 euros|Not over 40}.
            [sub] {can I give a subscription as a present|is there a gift subscription}? {Three months would be nice|For half a year}.
            [day] {can you deliver on an exact day|will it arrive by} {the 24th|Saturday|her birthday}? {It's a present|It's a surprise}.
        """),
        more=lines(
            "{He has every gadget already|She drinks filter, I think}.\n{Wrapping would be lovely|With a card, if possible}."
        ),
        note=lines("Gift advice, {tasting set|gift card}. {Orders online|Will think}."),
        reply=lines(
            "[idea] A gift card never fails: 25, 50 or 100 euros, valid three years. {We can put in a card|A card with your words is free}.\n[idea] {With coffee nerds|For people who have everything}, Gesha Lantern makes eyes light up. {A card with your message is free|We leave out the price, of course}.\n[sub] {Yes|Of course}: Taster, Home and Enthusiast for 3, 6 or 12 months, paid in one sum. {It ends by itself|Nobody has to cancel anything}.\n[day] You can choose the shipping date at checkout; {count on 2 to 4 working days|choose a date five working days before, to be safe}."
        ),
    ),
    "gift_card": Topic(
        subject="{Gift card|Voucher code|Gift card doesn't work}",
        tell=lines("""
            [code] {my gift card code isn't accepted|the code on the gift card doesn't work}. {Capital letters or small|Is it O or zero}?
            [valid] {how long is a gift card valid|does the gift card expire}? {I found one in a drawer|Got it two Christmases ago}.
            {can I use a gift card in two goes|what happens to the rest of a gift card}?
        """),
        note=lines("Gift card code: {O/0 mixed up|reset}. Works."),
        reply=lines(
            "[valid] Gift cards are valid for three years. {Yours is good for a while|The date is shown when you enter the code}.\n[code] {Try it without the dashes|Please type it without spaces}; {12 characters, all in a row|a space in between is enough to break it}. If it still refuses, send me a photo.\nYes, in parts: what's left stays on the code. {Nothing is lost|Use it whenever you like}."
        ),
    ),
    "shipping": Topic(
        subject="{Shipping|Delivery to <city>|Express?}",
        tell=lines("""
            [time] {how long does delivery take|when does it come} {to <city>|to me in <city>}? {I'd need it by <weekday>|I'm planning for the weekend}.
            [free] {from what amount is shipping free|how much do I need to order for free shipping}?
            [express] {is express possible|do you have express} {to <city>|here}? {And until what time|What does it cost}?
            [saturday] {do you deliver on Saturdays|can DHL leave it at a pick-up point}?
        """),
        note=lines("Shipping question, {2-4 wd, free from 45|express NL/BE/DE only}."),
        reply=lines(
            "[time] Standard takes 2 to 4 working days{ after we have packed it|}, {so count on the end of the week|Saturdays don't count}.\n[free] From 45.00 standard shipping is free; {below it costs 4.90|otherwise 4.90}.\n[saturday] Saturday doesn't count as a working day, {but DHL sometimes comes all the same|so don't wait for it}. {A parcel shop or locker is fine|You can name a pick-up point at checkout}.\n[express] {Express is 9.90, in the Netherlands, Belgium and Germany|Express is there for NL, BE and DE, ordered before 14:00}."
        ),
    ),
    "restock": Topic(
        subject="{Back in stock?|<Bean> sold out|When again?}",
        tell=lines("""
            [soon] {when is <bean> back|will <bean> be back in stock}? {It's been grey in the shop for a week|I could order nothing else}.
            [winter] {is Winter Hearth coming back|when does Winter Hearth start this year}?
            [soon] {could you tell me|please write to me} when <bean> is available again. {I'd take two|Don't let it sell out again}!
        """),
        note=lines("Asks when <Bean> is back. {Next week|After next roast}."),
        reply=lines(
            "[winter] Winter Hearth is there from November to February. {Not long to wait|I'm looking forward to it too}.\n[soon] {Next roast is on Tuesday|We roast it again next week}, and <bean> will be back {after that|then}. {I've put you on the list|You get a mail}."
        ),
    ),
    "office": Topic(
        subject="{Office plan|Our office coffee|Invoice address|Meeting next month}",
        tell=lines("""
            [extra] {we'll have|there will be} {a large meeting|an open day|new colleagues} {next month|soon}. {Can we get an extra kilo|One kilo more, please}.
            [less] {half of the team works from home now|it's quiet here in summer}, {can the Office delivery be smaller|two kilos last longer than a month}.
            [ref] {the invoice needs our order number|our accounts want the cost centre} {on it|printed on the invoice}. {Can you arrange that|From the next one on, please}.
            [roast] {could we have|is it possible to get} {a different roast|something milder|the darker one} {in the office|for the colleagues}? {Some find it too strong|There was a vote}.
            [oily] {our machine guy says|the technician thinks} {the beans are too oily|we should grind finer}. {What do you think|Is that right}?
        """),
        more=lines(
            "{The colleagues are happy, by the way|People come to us for the coffee}.\n{Our last supplier couldn't do that|It's not urgent}."
        ),
        note=lines(
            "Office cust. {Extra kilo next box|Cost centre on invoice}. Done.\nOffice check-in: {all fine|may reduce in summer}."
        ),
        reply=lines(
            "[extra] {One kilo more goes with the next box|The extra kilo is booked}. {Have a good meeting|Enjoy the day}!\n[less] {You can skip a box or pause for 1 to 3 months|Skipping is the easiest way}, until 3 days before dispatch. {Tell me what suits you|Shall I skip the next one}?\n[ref] {It will be on every invoice from the next one on|Done, it goes on the invoice}. {Just send me the exact words|Send me the number and I put it in}.\n[roast] {Canal Breakfast is the mild one, Night Ferry the dark one|We can take turns: House Blend one month, Canal Breakfast the next}. {Shall I change it|I've put it in the next box}.\n[oily] Dark beans are a little oily, that's normal; {House Blend is drier and kinder to the machine|with House Blend the grinder stays cleaner}.\n{Arranged|No problem at all}. {It's in your next delivery|From the next delivery on}. {Your account manager has it in the notes, too|Call me directly if anything changes}."
        ),
    ),
}
RETENTION_NOTES = lines("""
    Rang about the plan, {not sure about going on|thinking of stopping}. Offered "<offer>". Cust <outcome>.
    Asked about {the next box|the bill}, {sounded lukewarm|fewer orders lately}. Took the chance: <offer>, <outcome>.
    Inb., asked how {pausing|changing plan} works. {Mixed feelings about us|So-so at the moment}. Offered <offer>, <outcome>.
    {Talked about the price|Talked about the last deliveries|Friendly chat about coffee}. Offer <offer> -> <outcome>.
    Call-back as agreed <weekday>. {Went through the orders|Listened}. <offer>: <outcome>.
""")
RETENTION_MAILS = lines("""
    {we've noticed it has been quiet around you|it's been a while}, and we'd like to say thank you. <terms>
    {how are you getting on with your coffee|how is the coffee}? {If you'd like to stay with us|As a thank-you for your time with us}: <terms>
    {I looked at your plan today and thought|we don't want to lose you, so here's}: <offer>. <terms>
""")
BECAUSE = {
    "price": "{It has become too expensive.|The price, to be honest.|I can't justify 20-odd euros a month any more.}",
    "quality": "{The coffee isn't what it was.|The last boxes didn't convince me.|I don't enjoy it any more.}",
    "delivery": "{I'm tired of late parcels.|The deliveries are too unreliable.|I never know when the box comes.}",
    "service": "{Too many mistakes lately.|I had to write too often.|I was left alone with my problem.}",
    "too_much": "{It's simply too much coffee.|We drink less now.|The cupboard is full.}",
    "competitor": "{I've found a roaster nearby.|I'm going with someone else.|A shop round the corner does it for less.}",
    "life": "{I've stopped drinking coffee.|Things have changed at home.|I have to save everywhere.}",
    "moved": "{I'm moving overseas.|We're leaving Europe in a few weeks.}",
}
