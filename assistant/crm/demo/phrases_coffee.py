"""English phrases about the coffee, the machines and how to use them."""

from assistant.crm.demo.phrases import Topic, lines

TOPICS: dict[str, Topic] = {
    "flat_sidamo": Topic(
        subject="{Sidamo Sunrise|Something off with the Sidamo|Sidamo tastes flat|Bad batch?}",
        tell=lines("""
            the Sidamo Sunrise {from|in} <order> {tastes flat|has no taste|tastes like cardboard}. {Where did the blueberry go|No fruit, nothing}?
            {I've had Sidamo Sunrise many times|Sidamo is my usual}, but this {bag|batch} is {dull|lifeless|just brown water}.
            {is something wrong with|did you change} the Sidamo Sunrise? {Bag from <order>|My last bag (<order>)} is {flat|hollow|without any sweetness}.
            {disappointed by|not impressed with} this month's Sidamo: {papery|bready|baked} and {empty|thin}. Order <order>.
            {same grinder, same water, same recipe|I changed nothing at home}, and the Sidamo Sunrise {from August|I got in <order>} tastes of {nothing|toast}.
        """),
        more=lines("""
            {I tried coarser and finer|Grinding finer made it bitter, nothing else}.
            {A friend with the same coffee says the same|My <partner> noticed at the first sip}.
            {It used to smell like a jam jar|Normally the whole room smells of berries}.
            {I've thrown half of it away|It's good enough for cold brew, that's all}.
        """),
        ask=lines(
            "{Is it a known problem|Have others said so}?\n{Could I get another bag|Please replace it}.\n{What happened there|Was it the roast}?"
        ),
        note=lines("""
            Sidamo Sunrise {flat|no flavour}, bag from <order>. {Aug batch|Bad roast batch}. Replacement bag booked.
            Complains about LB-104, tastes {baked|flat}. {Offered|Sending} replacement.
        """),
        reply=lines("""
            You're right about the Sidamo Sunrise: the August batch was roasted with a wrong profile and came out flat. A fresh bag {is on its way|leaves us today}.
            Thank you for {telling us|such exact words}. That batch of Sidamo Sunrise {wasn't up to our standard|went wrong in the roaster}. We replace it, of course.
        """),
    ),
    "taste": Topic(
        subject="{About <Product>|Not happy with <Product>|Taste Promise|<Product>}",
        tell=lines("""
            <product> {isn't for me|is not my thing}, {too sour|too bitter|too smoky|too thin|too wild}.
            {tried <product> five ways|gave <product> a fair chance}, {still sour|still bitter|and it stays harsh}. {Is that meant to be so|Am I doing something wrong}?
            {the bag of <Product> in <order> smells stale|<Product> from <order> tastes old}, {roast date was weeks ago|the bag wasn't airtight}.
            {sorry to say, but|honestly} <product> is {a disappointment|nowhere near the description|the weakest coffee I had from you}.
            {we found|my <partner> found|at home we all found} <product> {rather sour|burnt|like ashtray}. {Nobody finished the cup|It went down the sink}.
            {the last two bags of|this time} <Product> {tasted different|were darker than before}. Did the recipe change?
        """),
        more=lines("""
            {I use a {V60|French press|moka pot|fully automatic}|I brew with filtered water}.
            {The notes on the bag promise a lot more|Your description says something else}.
            {For this price I expect better|At that price it should be right}.
            {I usually like your roasts|So far everything else was good}.
        """),
        ask=lines(
            "{Does the Taste Promise count here|Is that a case for the Taste Promise}?\n{What would you take instead|Which one is milder}?\n{Can I swap it|Could you swap it for something else}?"
        ),
        note=lines("""
            Doesn't like <Product>, {too sour|too bitter|stale}. {First bag -> Taste Promise|Taste Promise used}, sends {House Blend|Cerrado} instead.
            Taste complaint <Product>. {Brew advice given (coarser, 93 degrees)|Advised finer grind}. Will {try again|report back}.
        """),
        reply=lines("""
            {Tastes differ|That happens}, and that's what the Taste Promise is for: if it was your first bag of <product>, we replace it once by another blend. Which one shall it be?
            {Sorry that <product> let you down|Thank you for the frank words}. Try {a slightly coarser grind|water at 92 °C}; if it still {bites|doesn't please}, we send another coffee instead.
        """),
    ),
    "piccolo": Topic(
        subject="{Piccolo G2 very loud|Problem with grinder|Piccolo G2 grinds unevenly|Grinder <order>}",
        tell=lines("""
            my {new|}Piccolo G2 ({order |}<order>) is {terribly loud|louder than a drill} and {grinds unevenly|the grounds are dust and gravel at once}.
            the Piccolo G2 {makes a scraping noise|rattles and shrieks}, and the {espresso runs through in ten seconds|coffee is all over the place}, whatever I set.
            {is it normal that|should} the Piccolo G2 {gives boulders and powder|produces such an uneven grind}? {I expected more from 229 euros|I've had it for three weeks}.
            {something is off with the burrs of|the burrs seem crooked in} my Piccolo G2 from <order>. {You can see one side touching|It screams at fine settings}.
        """),
        more=lines("""
            {The baby wakes up every time|My neighbour has already knocked}.
            {I cleaned it twice|Cleaning and zeroing didn't help}.
            {The old hand mill was better|I'm back on my old grinder}.
        """),
        ask=lines(
            "{Is it broken|Is this a defect}?\n{Do I get a new one|Can it be repaired}?\n{What can I do|What do you advise}?"
        ),
        note=lines("""
            Piccolo G2 from <order>, {loud + uneven|uneven grind}. Serial = March 2026. Burr LA-590 sent free.
            Grinder fault LG-302. {March series|Misaligned burr}. {Cust will change burr himself|Explained how to fit}, part sent.
        """),
        reply=lines("""
            That sounds like the burr. Grinders of that series can have a misaligned one; we send you a new burr set (LA-590) free of charge, {with a short guide|it's changed in five minutes}.
            {Sorry for the noise|No, that isn't normal}. A replacement burr for your Piccolo G2 {is on its way|goes out today}, free. If it doesn't help, we take the grinder in for repair.
        """),
    ),
    "aurora": Topic(
        subject="{Aurora One leaks|Water at the group head|Machine from <order>|Leak}",
        tell=lines("""
            my Aurora One {leaks|drips} {at the group head|around the portafilter}. I {bought it|got it} {about a year ago|last year} (<order>).
            {there's water running down|hot water comes out beside} the portafilter of the Aurora One, {every shot|since <weekday>}. Order <order>.
            the Aurora One {from <order>|} {has started to leak|is losing water} {where you lock the handle in|at the top}. {A year old|Just over a year}!
        """),
        more=lines("""
            {I've got to put a towel under it|There is a puddle every morning}.
            {I descale regularly|It was descaled a month ago}.
            {Locking it tighter helps a little|Tightening it doesn't help any more}.
        """),
        ask=lines(
            "{Is that covered by the warranty|It should still be under warranty}?\n{Can I fix that myself|Which part do I need}?\n{Do I have to send it in|Must it go to repair}?"
        ),
        note=lines(
            "Aurora One leak, {group gasket|gasket}. In warranty -> LA-512 free, sent.\nLeaking LM-201 (<order>). Gasket LA-512, {explained change|video link sent}."
        ),
        reply=lines("""
            That's almost always the group gasket, which hardens after about a year. Within the 24 months of warranty you get it (LA-512) free; it's {on its way|in tonight's post}.
            {Sorry about the puddle|Annoying, but quickly solved}: the gasket LA-512 needs changing. You're still in warranty, so it costs nothing.
        """),
    ),
    "fault": Topic(
        subject="{<Product> broken|Warranty for <Product>|<Product> doesn't work}",
        tell=lines("""
            <product> from <order> {has stopped working|won't switch on any more|gave up this morning}.
            {I have a problem with|there's a fault in} <product> ({bought <ordered>|<order>}): {it goes off after a minute|it only hums|the light blinks red}.
            <product> {makes a burning smell|trips the fuse|gets no pressure} since <weekday>. Order <order>.
        """),
        more=lines(
            "{I tried another socket|Yes, it's plugged in}.\n{We use it three times a day|Without it mornings are grim}.\n{I still have the box|Box is long gone, sorry}."
        ),
        ask=lines(
            "{How does the repair work|Where do I send it}?\n{How long does a repair take|Is there a loan machine}?\n{Warranty should cover that, right|I'd like a new one, honestly}?"
        ),
        note=lines(
            "<Product> defect (<order>). In warranty, repair ~10 wd. Label {sent|mailed}.\nRepair case <Product>. {Explained 10 working days|Wants quick solution}."
        ),
        reply=lines("""
            I'm sorry <product> let you down. It's within the 24 months of warranty; the label in the attachment is free, and the repair takes about 10 working days.
            {That's a case for our workshop|We'll repair that}. Please send <product> with the free label; {you get it back|it's back} within about 10 working days.
        """),
    ),
    "brewing": Topic(
        subject="{Brewing <Product>|A question on brewing|Recipe?|My coffee is sour}",
        tell=lines("""
            [recipe] {how do you brew|what's your recipe for} <bean> {in a French press|as pour over|with a moka pot|as espresso}?
            [sour] my {pour over|filter coffee|espresso} with <bean> {comes out sour|tastes bitter|is too weak}. {What should I change|Any tips}?
            [heat] {what water temperature|how hot should the water be} for <bean>? {I've only got a normal kettle|My kettle has no display}.
            [grams] {how many grams|how much coffee} do I take for {two big mugs|a full 1 litre pot|one cup}? {I'm using <bean>|With <bean>, that is}.
            [recipe] I {got|was given} a {new dripper|moka pot|cold brew bottle} and {don't know where to start|would like a simple recipe}.
            [bloom] {is it true that|someone told me} you should {let the water cool for a minute|bloom the coffee for 30 seconds|stir only once}?
            [recipe] {brew time|how long should it run} for {three cups|500 ml}? Mine {takes six minutes|is through in ninety seconds}.
        """),
        more=lines("""
            {I grind by hand|My grinder is nothing special}.
            {The water here in <city> is very hard|We have soft water}.
            {I'm new to this|I've only just started with fresh beans}, {so please keep it simple|don't laugh}.
            {My <partner> takes it with milk|I drink it black}.
        """),
        note=lines(
            "Brew question ({sour|bitter|weak}). {Advised finer grind, 94 degrees|60 g/l, 3 min, coarser}. Happy.\nWanted recipe for <Bean>. Sent the brew card."
        ),
        reply=lines("""
            [recipe] {Good question|Happy to help}. Start with 60 g of coffee per litre, water at 92 to 96 °C, and about three minutes. Sour means grind finer, bitter means coarser.
            [recipe] For <bean> we use {15 g to 250 ml|30 g to half a litre}, {a 30 second bloom|pouring in three goes}, done after {2:45|three minutes}. {Write back how it went|Tell us how it tastes}!
            [heat] 92 to 96 °C. {Without a display: boil it and wait a minute|Boil, wait one minute, pour}. {Lighter roasts like it hotter|The lighter the roast, the hotter}.
            [grams] {60 g per litre is a good start|We count 60 g per litre}: {about 30 g for two big mugs|15 g for one cup of 250 ml}. {Weigh it once or twice, then you know your spoon|A scale helps more than anything}.
            [bloom] {Half true|There's something in it}: {30 seconds of bloom let the gas out, and then the water runs evenly|fresh coffee foams, so a short bloom helps}. {The rest is a matter of taste|Stirring is optional}.
            [sour] {Sour usually means under-extracted|Too sour}: {go two steps finer|grind finer} and {use hotter water|don't let the water cool}. {Change one thing at a time|One change per day, otherwise you learn nothing}.
        """),
    ),
    "grind": Topic(
        subject="{Grind size|Which grind?|Ground coffee|Grinder setting}",
        tell=lines("""
            [size] {which|what} grind size {do I need|is right} for a {French press|moka pot|cone dripper|fully automatic machine}?
            [setting] {what setting|where do I set} {on the Baristo G1|on the Piccolo G2|on my hand mill} for {filter|espresso|moka}?
            [grindit] {can you grind|do you also grind} <bean> for {espresso|filter|French press}? {I don't own a grinder|My grinder is broken at the moment}.
            [fast] {the coffee from <Bean> runs through too fast|my shot is done in 12 seconds}. {Finer|Should I go finer}?
            [mud] {I always get mud at the bottom of the cup|there's a lot of sediment in my press}. {Too fine, I suppose|Is my grind too fine}?
        """),
        more=lines(
            "{I'm at step 14 now|The dial has no numbers}.\n{It worked well with the last bag|With the house blend it was fine}.\n{I don't want to waste a whole bag on trying|Every test costs me beans}."
        ),
        note=lines(
            "Grind question. {Moka = fine, but not espresso|Press = coarse}. Ok.\nGrinder setting {G1 approx. 16 for filter|G2 between 2 and 3 for espresso}."
        ),
        reply=lines("""
            [size] For a French press take it coarse, like sea salt; for filter like {sand|table salt}; for a moka pot a bit {finer than filter|coarser than espresso}.
            [fast] {Go finer in small steps|Two clicks finer}, until {the shot takes 25 to 30 seconds|half a litre takes about three minutes}. {Fresh beans run faster, that's normal|New bags often need a small correction}.
            [setting] {On the G1 about step 16 for filter|For filter step 15 to 17 on the G1}; on the Piccolo G2 {espresso lies between 2 and 3|start at 2.5 for espresso}. {Every bag wants a small correction|Then go by taste}.
            [mud] {Too fine, yes|That's it, too fine}. {Three steps coarser|Go three steps coarser}, {and wait four minutes before pressing|and pour gently at the end}.
            [grindit] We {can grind|grind} it for you: choose the grind {in the order|beside the coffee in the shop}. It keeps {best as whole beans|longer unground}, though.
        """),
    ),
    "recommend": Topic(
        subject="{Which coffee for me?|Something new|Recommendation|What next?}",
        tell=lines("""
            I {love|really like} <bean>. {What else should I try|What comes close to it}?
            {which coffee would you take|what do you suggest} for {milk drinks|a moka pot|people who don't like it sour|an office with picky colleagues|Sunday breakfast}?
            {looking for something|I'd like a coffee} {chocolatey and mild|fruity but not wild|with little acidity|strong for the morning}. {Any idea|What would you pick}?
            {my parents are visiting and like it dark|my father-in-law only drinks strong coffee}. {Which one|What do I serve}?
            {is <bean> more like the House Blend or|how does <bean> compare with} {the Kenya|Night Ferry|Huila Verde}?
        """),
        more=lines(
            "{Up to about 13 euros a bag|Price doesn't matter much}.\n{I make {cappuccino|filter|espresso} mostly|Mostly in the afternoon}.\n{The Anaerobic was too much for me|I didn't care for the Sumatra}."
        ),
        note=lines(
            "Wanted advice, likes <Bean>. Suggested {Huila Verde|Cerrado Cocoa|Larksong Filter}.\nRecommendation call, {mild + chocolate|fruity}. Will order online."
        ),
        reply=lines("""
            If you like <bean>, {try Huila Verde|I'd go for Antigua Ember|Cerrado Cocoa is worth a try} next: {similar sweetness, a little rounder|close, but not the same}.
            {My own favourite at the moment is|I'd send you} {Kirinyaga AA|Larksong Filter|Night Ferry}; {with milk take Night Ferry|for black coffee it's hard to beat}.
        """),
    ),
    "storage": Topic(
        subject="{How long does it keep?|Storing beans|Freezer?}",
        tell=lines("""
            [keep] {how long|for how many weeks} are the beans {good|at their best} after roasting?
            [freeze] {can I freeze|is it a crime to freeze} <bean>? {I bought too much|There was a bag too many}.
            [tin] {should I keep the beans in the bag|is a tin better than the bag}? {It's warm in our kitchen|The bag doesn't close well}.
            [old] the bag of <Bean> is {two months old|from before the holidays}. {Still fine|Can I still drink it}?
        """),
        more=lines(
            "We're {away for three weeks|only one coffee drinker in the house now}.\n{I don't want to waste it|Too good to throw away}."
        ),
        note=lines("Storage question. {Tin, dark, 6-8 weeks|Freezing ok in portions}.\n"),
        reply=lines("""
            [keep] Beans are at their best {one to six weeks|between one and six weeks} after roasting; {keep them closed, dark and dry|in the closed bag or a tin, not in the fridge}. Freezing in small portions works well.
            [old] {Still fine|You can drink it}: it {only tastes of less|loses its aroma slowly, that's all}. {Two months closed is no problem|Nice for cold brew}.
            [tin] Our bag has a valve and {is as good as most tins|closes well}. {If you like tins, leave the coffee in its bag|In summer: dark and not beside the cooker}.
            [freeze] {No crime at all|Freezing is fine}: {small airtight portions|portion it}, and grind straight from the freezer.
        """),
    ),
    "decaf": Topic(
        subject="{Decaf|Caffeine question|Quiet Evening}",
        tell=lines("""
            {how much caffeine is left in|is there any caffeine in} Quiet Evening Decaf?
            [other] {do you have|is there} {another|a second} decaf {besides Quiet Evening|for espresso}? {I can't drink normal coffee after lunch|Doctor's orders}.
            {how is your decaf made|which method do you use for the decaf}? {I don't want solvents|I've read about chemicals}.
            [swap] {can I get decaf in my subscription|may I swap one bag for decaf}?
        """),
        more=lines(
            "{The Half-Light is nice too, but I need zero|I sleep badly otherwise}.\n{It tastes better than I feared|It's better than any decaf I've had}."
        ),
        note=lines("Decaf question, {sugar cane process|under 0.1 %}. {Swapped one bag|Ok}."),
        reply=lines("""
            Quiet Evening is decaffeinated with sugar cane, without {harsh solvents|solvents from the lab}; less than 0.1 % of caffeine is left.
            [other] Half-Light Blend is half decaf; {fully decaf there's only Quiet Evening|without caffeine we have just Quiet Evening}, {which works as espresso too, one step finer|and it takes espresso well}.
            [swap] {Yes, that works|Of course}: in your account you can swap any bag for Quiet Evening Decaf, until 3 days before dispatch.
        """),
    ),
    "descale": Topic(
        subject="{Descaling|Machine care|How to clean it}",
        tell=lines("""
            [often] {how often should I|when do I have to} descale {my machine|the Aurora|the kettle}? {The water in <city> is hard|We use tap water}.
            [vinegar] {can I use vinegar|is citric acid from the supermarket okay} {instead of your descaler|for descaling}?
            [light] {the red light stays on after descaling|I descaled it and it still shows the drop}. {What now|How do I reset it}?
            [brush] {what do I clean the grinder with|which brush do I use for the grinder}? {It smells rancid|Old oil everywhere}.
        """),
        more=lines(
            "{I do it twice a year|Never done it, to be honest}.\n{I have a filter jug|We've no water filter}."
        ),
        note=lines("Descaling: every 2-3 months. {No vinegar|Explained reset}.\nCare question, sent PDF."),
        reply=lines("""
            [often] With hard water every two to three months. {Please no vinegar|Vinegar attacks the seals}, {our descaler or citric acid for machines|use LA-509 or something made for machines}.
            [vinegar] {Please no vinegar|Better not}: it attacks the seals and smells for weeks. {Our descaler (LA-509) or citric acid made for machines is fine|Take LA-509}.
            [brush] {A dry brush and no water|Only dry, with a brush}; {every two weeks the burrs|take the upper burr out once a month}. {Rice is a bad idea|Please no rice in it}.
            [light] {Hold both buttons for five seconds|Run one more litre of clear water}, then the light goes out. {If not, call us|If it stays on, we look at it together by phone}.
        """),
    ),
    "machine_choice": Topic(
        subject="{Which machine?|Aurora One or Duo?|Buying a grinder|New grinder}",
        tell=lines("""
            [duo] {Aurora One or Aurora Duo|is the Aurora Duo worth twice the money}? {We make two cappuccinos in the morning|I drink three espressos a day}.
            [grinder] {I'm looking for a grinder|which grinder would you buy} {for filter|for espresso|that does both}{, up to 250 euros|, and quiet please|}?
            [larkomat] {is the Larkomat S any good|would you take the Larkomat S} {for a family of four|for people with no patience}?
            [look] {is there|do you know} {a place where I can try the Aurora|a video of the Aurora at work}? {I buy nothing unseen|It is a lot of money}.
            [induction] {will the Moka Pot Finch work|does the Finch work} on {induction|gas|our old ceramic hob}?
        """),
        more=lines(
            "{My kitchen is small|I've got 40 cm on the counter}.\n{The old one died after nine years|It's for my first flat}.\n{I don't want to learn a new hobby, just good coffee|I like fiddling with things}."
        ),
        note=lines(
            "Advice {machine|grinder}. {Leans to Aurora One|Wants to think about it|Maybe G1}.\nPresales {Larkomat|Duo vs One}. Sent comparison."
        ),
        reply=lines("""
            [duo] For {two milk drinks in a row|several cappuccinos} the Duo saves time; for espresso alone the Aurora One is {all you need|plenty}.
            [larkomat] {For a family it's a good choice|For four people, yes}: one button, milk from the hose. {You only have to rinse the hose each day|Rinsing the hose is the price you pay}.
            [look] {We've no shop, I'm afraid|Our roastery has no shop}, but {on the first Saturday of the month there's a tasting, with an Aurora on the table|at the tasting on the first Saturday of the month you can see one}. {Please book by e-mail|Just book by e-mail}.
            [induction] {Yes|It does}: the Finch is stainless steel and works on {gas, ceramic and induction|every kind of hob}. {A small ring is enough|It fits the smallest ring}.
            [grinder] {For filter the Baristo G1|If it's mostly filter, the Baristo G1}, for espresso the Piccolo G2 or, if it may cost more, the Maestro G5. {Both are quiet enough for a flat|Neither of them is a mistake}.
        """),
    ),
    "origin": Topic(
        subject="{Where does <Bean> come from?|Farmers|Origin}",
        tell=lines("""
            [farm] {who grows|which farm grows} <bean>? {The bag only says the region|I'd like to know a bit more}.
            [pay] {what do you pay the farmers|is your coffee fair trade}? {It matters to me|My daughter asked, and I had no answer}.
            [organic] {is <bean> organic|do you have organic coffee}?
            [harvest] {when is the new harvest of <bean> in|when does the next crop of <bean> come}?
        """),
        more=lines(
            "{I like the little cards you used to put in|The story on the bag is nice}.\n{We talk about that at school|I'm writing a small blog}."
        ),
        note=lines("Origin question <Bean>. Sent farm sheet."),
        reply=lines("""
            [farm] {Glad you ask|Good that you ask}. <bean> comes {from small farms that deliver to one washing station|through a cooperative we know well}; we pay at least 25 % above the world market price.
            [pay] We pay at least 25 % above the world market price and sign for {three harvests in a row|several harvests}. {It's on our website, with figures|There's more on the page about sustainability}.
            [harvest] {The new crop lands in early summer|We expect it with the next ship}; {we'll say so in the newsletter|I can't promise a week}.
            [organic] Our coffees carry no organic certificate, {only the mint tea does|though Huila Verde is grown without sprays}; {each bag names the farm|the farm is on every bag}.
        """),
    ),
    "allergy": Topic(
        subject="{Allergens|Vegan?|Nuts?}",
        tell=lines("""
            {are there nuts in|is there any nut in} {Winter Hearth|<bean>}? {The notes say hazelnut|"Gingerbread" made me wonder}.
            [vegan] {is the chocolate in the tasting set vegan|is everything in the tasting set vegan}?
            {do you roast nuts or anything else|is anything but coffee processed} in the same place?
        """),
        note=lines("Allergen question. Only coffee in the roastery, notes = taste only."),
        reply=lines("""
            The notes only describe the taste: there's nothing but coffee in the bag, and {only coffee in our roastery|nothing else is roasted here}.
            [vegan] {All coffee and tea is vegan|Yes, everything in it is vegan}. {No milk, no honey|There's only coffee in the set}.
            {Just coffee|Don't worry}: no flavouring, no nuts. {Even where the label says hazelnut|"Hazelnut" is only what it reminds us of}.
        """),
    ),
    "praise": Topic(
        subject="{Thank you!|Great coffee|<Product>|Just to say}",
        tell=lines("""
            {just wanted to say|I had to write}: <product> is {wonderful|superb|exactly my taste|the best I've had this year}.
            {what a coffee|wow}! <product> {made our Sunday|is gone already|tastes like holidays}.
            {we're very happy with|I'm delighted with} <product>. {Keep it up|Never change it}.
            {my guests asked|everyone at the table asked} where <product> came from. {You have two new fans|I gave them your address}.
            {after months of trying|finally} I get {a really good cup|espresso like in Naples} at home, {thanks to|with} <product>.
            <product>: {chapeau|ten out of ten|hats off}. {I'm not easily pleased|And I am picky}.
        """),
        more=lines("""
            {The smell when opening the box alone|Even my <partner>, a tea drinker, has a cup now}!
            {Fast delivery, too|And it was here in two days}.
            {The handwritten note was a lovely touch|Nice packaging as well}.
            {Greetings to the roaster|Please tell the roasters}.
        """),
        note=lines(
            "Called only to say thanks for <Product>. {Nice one|Made my day}.\nPraise for <Product>, {passed on to roastery|told roasters}."
        ),
        reply=lines("""
            {That made our day|What a nice message}! I've {passed it on to|read it out in} the roastery. {Enjoy the next cup|Here's to many more cups}.
            Thank you, <first>! {We'll tell the roasters|The roasters will be pleased}.
        """),
    ),
    "praise_service": Topic(
        subject="{Thanks for your help|Great service|Thank you <agent>}",
        tell=lines("""
            {thanks to <agent>|big thank you to <agent>} for {sorting that out so quickly|the patience on the phone|the quick help}.
            {I rarely write such things|usually I only write when something's wrong}, but your {service|support} {is great|really impressed me}.
            {answered within the hour|a real person on the phone}, {solved at once|problem solved}. {More companies should be like that|That's how it should be}.
            {you replaced it without any discussion|no fuss, no forms}. {Thank you|That's why I stay}.
        """),
        more=lines(
            "{I've recommended you to two colleagues|You'll see an order from my sister soon}.\n{Give <agent> a raise|<agent> deserves a good coffee}."
        ),
        note=lines("Thanks for last time. {Nothing to do|:)}"),
        reply=lines("""
            {How kind of you to write|Thank you}, <first>. I've shown it to {the team|<agent>}, {who is beaming|and it's on the wall now}.
        """),
    ),
}
