"""English phrases about orders and deliveries: late, lost, damaged, wrong, returned, changed."""

from assistant.crm.demo.phrases import Topic, lines

TOPICS: dict[str, Topic] = {
    "late": Topic(
        subject="{Order <order>|Where is my coffee?|Late again|Delivery of <order>|Delivery late|Still waiting|my parcel}",
        tell=lines("""
            {my|the} order <order> {from|of} <ordered> {was supposed to be here by now|should have arrived days ago|still hasn't turned up}.
            I {ordered|placed an order} on <ordered> (<order>) and {it's still not here|nothing has come so far|there is no sign of it}.
            {you promised|the site says} 2 to 4 working days. {We are now {well|far} past that|That was <days> days ago} with order <order>.
            {still no coffee|no parcel yet}. Order <order>, {ordered|bought} <ordered>.
            the tracking for <order> {has said "in transit" since <weekday>|hasn't moved since <weekday>|says the parcel is in a depot and nothing else}.
            <order> is late {again|once more|by <days> days now}, {and I am out of beans|which is a nuisance|and nobody told me}.
            {I was told|It said} my {coffee|parcel} would come on <weekday>. {It didn't|No one came}. The order number is <order>.
            {another week, another late delivery|so the delivery is late}: <order> {should have been here already|is overdue}.
            I {stayed at home|waited in} all <weekday> for <order> and {the DHL van drove straight past|nobody rang|no one came}.
            {could you look into|please check} order <order>? {It was due <days> working days ago|It should have come by <weekday>}.
        """),
        more=lines("""
            {I've been drinking supermarket coffee since <weekday>|We are down to tea bags here|My last beans went into the grinder this morning}.
            {It was meant for my {brother|sister|mother|neighbour}'s birthday|I have guests on <weekday> and wanted to serve it|I bought it for the weekend}.
            The DHL site {only shows|gives me} a number that {it doesn't know|leads nowhere}.
            {This is not the first time|Last month was the same|It happened in spring as well}.
            {My neighbours didn't get it either|It isn't at the parcel shop either, I asked}.
            {An e-mail|A short message} about the delay would have {helped|been nice}.
            I {even checked|looked in} the shed and {behind the bins|with the people downstairs}.
            {I paid for it the same day|The money left my account at once}, {so I expect it to be sent at once too|that part works}.
        """),
        ask=lines("""
            {Can|Could} you {tell me|find out} where it is?
            {When will it|When can I expect it to} {arrive|get here}?
            Please {send it again|look into it|let me know what's going on}.
            {What are you going to do about it|Do I need to do anything}?
            {Can you chase DHL|Could someone call DHL} for me?
            {I'd like a real date|Just give me a date}, please.
        """),
        note=lines("""
            {Cust|Caller} asks for <order>, {late|overdue}. DHL: {sorting centre|waiting for van|"in delivery"}. {Told cust|Said} we chase {today|tomorrow}.
            {Inb. call|Called in}. <order> not arrived. Tracking {stuck since <weekday>|no scan since <weekday>}. Opened DHL enquiry.
            Late parcel <order>. {Will ring again if nothing by <weekday>|Wants e-mail when it moves}.
            Re <order>: {driver claims "not at home"|parcel left at depot}. Asked for 2nd attempt <weekday>.
            <order> delayed, {apologised|said sorry}, {explained 10 working days rule|no re-send yet, not 10 wd}.
        """),
        reply=lines("""
            I'm sorry that <order> is late. I have {asked DHL to look for it|opened an enquiry with DHL} and will {write again|let you know} as soon as {they answer|I hear from them}.
            {Thank you for your patience|Sorry for the wait}. According to DHL <order> is {in the depot near <city>|on its way to <city>} and should reach you {in one or two working days|by <weekday>}.
            {That isn't how it should go|You're right to ask}. <order> left us {on time|the next day}, but {was misrouted|missed a connection}. If it isn't there within 10 working days we {send it again or refund it|re-send or refund, as you like}.
            I've looked at the tracking of <order>: {the van was full on <weekday>|the driver didn't find the bell}, and they try again {tomorrow|on the next working day}.
        """),
    ),
    "strike": Topic(
        subject="{Strike?|Order <order>|DHL strike|Delivery during the strike|Nothing arrives}",
        tell=lines("""
            I {know|understand} there's a strike at DHL, but <order> is now <days> working days late.
            {because of the strike|thanks to the DHL strike} my order <order> {is stuck somewhere|hasn't come}.
            <order> {sits|has been sitting} in a depot {since the strike began|because of the strike}. {Why didn't you use another carrier|Is there no other carrier}?
            {no one told me|your shop didn't say a word} that DHL is on strike when I ordered on <ordered>. <order> is {nowhere|late, of course}.
            {is <order> affected by the strike|does the strike hold up <order>}? {I've heard nothing since <ordered>|It should have been here <days> days ago}.
            DHL strikes, {okay|fine, people have a right to}, but {my coffee|order <order>} {is getting old in a hall|won't get fresher in a truck}.
        """),
        more=lines("""
            {Hermes and GLS still deliver here|My other parcels came, with another carrier}.
            {Fresh roast is the reason I buy from you|After two weeks it isn't fresh any more}.
            In <city> {nothing at all is being delivered|our whole street waits for parcels}.
            {Not your fault, I know, but still|I don't blame you, I only want to know}.
            I had to buy {a bag at the station|beans at twice the price round the corner}.
        """),
        ask=lines("""
            {When does it move again|Any idea when it will come}?
            {Will you make up for that|Do I get something for the delay}?
            Could you {send it some other way|cancel and send again with another carrier}?
            {Please keep me posted|An honest estimate is enough}.
        """),
        note=lines("""
            DE cust, strike: <order> <days> wd late. Explained, {understanding|grumpy}. {No promise made|Said 5.00 Larks possible}.
            {Another strike call|Strike again}. <order> in depot. {Will wait|Wants to wait until <weekday>}.
            Asked about <order>, DHL strike. {Told: up to 8 wd late|Gave the usual info}. Ok with it.
        """),
        reply=lines("""
            The strike at DHL in Germany holds up <order>, and I'm sorry. Deliveries are up to 8 working days late at the moment; {yours is in the queue|your parcel is safe} and will come {as soon as they work through it|without you doing anything}.
            {I wish I had better news|Sorry}: <order> is caught in the strike. {We can't take it back out of the depot|It can't be rerouted}, but we {watch it|keep an eye on it} and {write when it moves|tell you when it's scanned}.
            {Thank you for staying so calm|I understand the annoyance}. <order> should be with you {in the week after the strike|within 8 working days}. If the coffee tastes tired after that, {tell us|let us know}.
        """),
    ),
    "lost": Topic(
        subject="{Parcel lost?|Order <order> never came|Refund for <order>|Missing parcel <order>}",
        tell=lines("""
            {order <order> has never arrived|I never got <order>}. {It's been more than two weeks|I've waited long enough now}.
            DHL {claims|says} <order> was delivered. {It was not|Not to me, in any case}.
            I think <order> is lost. {The last scan is from <weekday>|There has been no scan for ages}.
            {according to the tracking|on paper} <order> was {left in the hallway|handed to someone called "M."}. {We have no hallway|Nobody of that name lives here}.
            {more than two weeks|over two weeks} and no trace of <order>. {I give up waiting|That parcel is gone}.
        """),
        more=lines("""
            {I asked all the neighbours|I've been to the parcel shop twice}.
            It was {a present|my supply for the month|the first order after a long time}.
            {Your hotline told me to wait|I already wrote on <weekday> and heard nothing}.
        """),
        ask=lines("""
            {Please send it again|Please send a new one}.
            {I'd like my money back|I want a refund, not another parcel}.
            {What now|What happens now}?
            Can you {re-send it to my office|send it by express this time}?
        """),
        note=lines("""
            <order> lost acc. to DHL. {Re-sent today|Re-send booked}. {Cust ok|Cust relieved}.
            {Claims|Says} never received <order>, DHL shows delivered. Opened investigation, {cust upset|cust polite}.
            10 wd passed on <order>, {refund|re-send} agreed.
        """),
        reply=lines("""
            After 10 working days we count <order> as lost. {I've sent everything again today|A new parcel leaves us today}, free of charge of course.
            I'm sorry about <order>. Would you like us to send it again or refund it? {Just answer this mail|One word is enough}.
            DHL couldn't {find|trace} <order>, so {we don't make you wait any longer|that's enough waiting}: the new parcel goes out {today|tomorrow}.
        """),
    ),
    "damaged": Topic(
        subject="{Damaged parcel|Broken on arrival|<order> arrived damaged|Torn bag}",
        tell=lines("""
            {my parcel|order <order>} {arrived|came} today {in a sorry state|crushed|wet through}. {The bag of <Product> was {torn|split open}|<Product> is damaged}.
            the box of <order> {looked like someone sat on it|had a hole in the side} and {half the content was loose in it|<product> {didn't survive|took a knock}}.
            {unpacked|I've just opened} <order>: <product> {is broken|arrived damaged|has a dent}.
            {coffee everywhere|What a mess}! <Product> {had burst|was open} in the box (<order>).
            <product> from order <order> {came with a crack|has a broken seal|was bent out of shape}.
        """),
        more=lines("""
            {I took photos|Pictures attached}.
            {The outer box was fine, so it was packed badly|The paper around it doesn't protect anything}.
            {The rest of the order is fine|Everything else survived}.
            {The driver just shrugged|The driver had put "fragile" side down}.
            {My kitchen smells wonderful, but still|At least the cat enjoyed it}.
        """),
        ask=lines("""
            {Can you send a new one|Could I get a replacement}?
            {How do we solve this|What do you suggest}?
            {Do I have to send it back|Do you need it back}?
            Please {replace it|refund that item}.
        """),
        note=lines("""
            <order>: <Product> {damaged in transit|arrived broken}. Photo {received|to follow}. Replacement {sent|booked}.
            Damage claim <order>. {Friendly|Annoyed}. New <Product> goes out <weekday>, no return needed.
        """),
        reply=lines("""
            {Oh no|That's not how it should reach you}. A new <Product> {leaves us today|is on its way}, and you can {throw the damaged one away|keep what's still usable}.
            Thank you for {telling us|the pictures}. {We replace <product>|I've booked a replacement for <product>} at no cost; it should be in <city> {by <weekday>|in 2 to 4 working days}.
            {Sorry about that|My apologies}. Shall I send <product> again or refund it?
        """),
    ),
    "wrong_item": Topic(
        subject="{Wrong item|Wrong coffee in <order>|Not what I ordered|Mix-up in <order>}",
        tell=lines("""
            I {ordered|asked for} <Product> but {got|found} <Other> in {the parcel|order <order>}.
            {there has been a mix-up|something went wrong in packing}: <order> contains <Other> instead of <Product>.
            {the bag says <Product>, the beans inside are something else|the label on the bag doesn't match what I ordered}. Order <order>.
            {wrong coffee|you sent the wrong thing}! <Other> instead of <Product>, order <order>.
            {I asked for whole beans|I clicked whole beans} and {got|received} ground coffee in <order>. {I can't use that|Useless with my grinder standing here}.
            {this must be someone else's order|somebody in <city> is probably missing this}: <order> came with <Other>, which I never ordered.
        """),
        more=lines("""
            {I don't mind trying it, but I paid for the other one|It's not a coffee I like}.
            {It's unopened|I haven't opened it}.
            {Second time this year|Easy mistake, I know, the bags look the same}.
            The slip in the box {is right, by the way|lists the right thing}.
        """),
        ask=lines("""
            Please send {the right one|what I ordered}.
            {Shall I send it back|What do I do with this one}?
            {How do we fix that|Can you swap it}?
        """),
        note=lines("""
            Wrong item in <order> ({got|rec'd} <Other>, ordered <Product>). Right one {sent|goes out <weekday>}. May keep the wrong bag.
            Packing error <order>. {Told warehouse|Passed on to packing}. Cust {laughs about it|rather cross}.
        """),
        reply=lines("""
            {That was our mistake|We mixed that up}, sorry. <Product> {goes out today|is being packed right now}, and {a wrong bag you may keep|if it's coffee, keep the wrong bag} {as a small thank-you|for your trouble}.
            I'm sorry for the mix-up in <order>. The right <Product> {will be with you|arrives} in 2 to 4 working days. {A wrong bag of coffee you may keep|For anything bigger than a bag you get a free label}.
        """),
    ),
    "missing": Topic(
        subject="{Item missing|<order> not complete|Something is missing|One bag short}",
        tell=lines("""
            {in order <order>|from <order>} {<Product> is missing|there was no <Product>}.
            <order> {came|arrived} but {not complete|one thing is missing}: <Product>.
            I paid for everything but {got|found} only part of <order> {in the box|}. {Missing|What's missing}: <Product>.
            the box was {suspiciously light|half empty}. {No <Product> in it|<Product> isn't there}. (<order>)
        """),
        more=lines("""
            {It's on the packing slip, ticked off|The slip says it's in there}.
            {The tape hadn't been opened, so it was never in|The parcel was sealed}.
            {I checked the paper filling twice|I even unfolded all the paper}.
        """),
        ask=lines("""
            {Will it come separately|Is it in a second parcel}?
            {Please send it|Could you send it after|Please send what's missing}.
            {I'd rather have the money back for it|A credit is fine too}.
        """),
        note=lines("""
            <Product> missing in <order>. {Stock count confirms|Checked weight, likely true}. Sent after.
            Incomplete <order>, <Product> {sent separately|re-sent <weekday>}.
        """),
        reply=lines("""
            {Thank you for counting|Sorry}: <Product> {stayed on the packing table|was left out of <order> by mistake} and {goes out today|follows today}.
            You're right, <order> went out without <Product>. {It is on its way now|I've had it sent after}. Sorry for the trouble.
        """),
    ),
    "where": Topic(
        subject="{Tracking|Where's <order>?|When does it come?|Order status <order>}",
        tell=lines("""
            {when will <order> be here|where is <order> right now}?
            {quick question|just wondering}: has <order> {left already|been sent}?
            I {don't see|can't find} a tracking {link|number} for <order>.
            {is <order> coming before <weekday>|will <order> make it by <weekday>}? I'm away after that.
            {ordered <ordered>|I ordered on <ordered>}, number <order>. {Has it shipped|Is it under way}?
        """),
        more=lines("""
            {No hurry, I just want to be at home|No rush at all}.
            {The confirmation mail went to spam, I think|I deleted the mail by mistake}.
        """),
        note=lines("""
            Order status <order>. {Shipped|On its way}. Gave tracking.
            {Asked when <order> comes|ETA <order>}, {told|said} {tomorrow or day after|2-4 wd}.
        """),
        reply=lines("""
            <order> {left us|was handed to DHL} {on time|this morning} and should be in <city> {by <weekday>|in 2 to 4 working days}. {You'll find the tracking link in the shipping mail|I've sent you the link again}.
            {It's on its way|Good news}: <order> is {with DHL|in the van}. Normally it takes 2 to 4 working days.
        """),
    ),
    "cancel_order": Topic(
        subject="{Cancel <order>|Please stop <order>|Ordered by mistake}",
        tell=lines("""
            I {just|have just} ordered {by mistake|twice, I think}. Please cancel <order>.
            {can you cancel|could you still cancel} <order>? {Ordered twice, I think|I was too quick}.
            please stop order <order>. {I picked the wrong size|I took the wrong coffee|My <partner> had already ordered}.
            <order>: {I'd like to cancel it|cancel it please}, {if it hasn't left yet|it's only been an hour}.
            {oops, wrong address in|I pressed the button too early on} <order>. Cancel it and I'll order again.
        """),
        note=lines(
            "Wants <order> cancelled, not shipped yet. Done.\n<order> cancelled on request, {double order|wrong item}."
        ),
        reply=lines("""
            Done: <order> is cancelled, {and the money is on its way back|you'll have the money back in a few days}.
            {No problem|That was just in time}. I have cancelled <order> before it {was packed|left}.
        """),
    ),
    "return": Topic(
        subject="{Return of <Product>|Sending back <order>|Return label}",
        tell=lines("""
            I'd like to {return|send back} <product> from <order>. {It's simply too big for my kitchen|It isn't what I expected|I found out I don't need it}.
            <product> (<order>) {isn't for me|doesn't suit me}. {Unused, box still there|I only unpacked it}. {How do I return it|What's the way to return it}?
            {can I still return|is it too late to return} <product>? {Bought on <ordered>|Order <order>}, {not used|never switched on}.
            please take back <product>, <order>. {I got the same thing as a present|We decided on another model}.
        """),
        more=lines("""
            {I kept all the packaging|Everything is in the original box}.
            {Does the label cost anything|Do I pay for the label}?
            {There's nothing wrong with it|It's a nice thing, just not for us}.
        """),
        note=lines(
            "Return <Product> (<order>), unused, in time. Label sent, 3.90 explained.\nWants to return <Product>. {Within 30 days|Ok}. Label by e-mail."
        ),
        reply=lines("""
            Of course. The return label for <product> is {attached|in your account}; it costs 3.90, and the refund comes within 5 working days after the parcel is back.
            {That's fine|No problem}, you're within the 30 days. Please send <product> {unused and in its box|in the original box} with the attached label (3.90).
        """),
    ),
    "gift_note": Topic(
        subject="{Gift order <order>|Card with <order>|It's a present}",
        tell=lines("""
            <order> is a {present|gift} for my {sister|father|colleague|best friend|mother-in-law|boss}. {Could you leave out the invoice|Please no prices in the box}?
            {can you put a card in|could a short card go into} <order>? {Just "enjoy, <first>"|Text: "For quiet mornings. <first>"}.
            {is gift wrapping possible for|can you wrap} <order>? {It goes straight to the person|It's a surprise}.
        """),
        more=lines(
            "It should {arrive before <weekday>|not come too early}.\n{Kraft paper is fine|Nothing fancy}."
        ),
        note=lines("<order> is a gift, no invoice in box. {Card added|Passed to packing}."),
        reply=lines("""
            {With pleasure|Of course}. <order> goes out without an invoice and with {your card|a card}.
            {Noted|Done}: no prices in the box of <order>. {Wrapping would be 3.50|If you want it wrapped too, that is 3.50}.
        """),
    ),
}
