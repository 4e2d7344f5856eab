"""The record's schema: numbered migrations, each applied in one transaction, never edited once released.

Dates are ISO ``YYYY-MM-DD``, moments ISO ``YYYY-MM-DDTHH:MM:SS`` (company's local time), money is a decimal
number in the row's currency, ``attributes`` is a JSON object of columns that the company has and we don't.
"""

MIGRATIONS: list[tuple[int, str, str]] = [
    (
        1,
        "customers, products, orders, subscriptions, interactions, offers, conversations, audit",
        """
        CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

        CREATE TABLE customers (
            id TEXT PRIMARY KEY,
            name TEXT,
            email TEXT,
            phone TEXT,
            language TEXT,                 -- en | zh | ...
            city TEXT,
            country TEXT,
            joined_on TEXT,
            tier TEXT,                     -- gold | silver | ...: the company's own word
            consent_marketing INTEGER,     -- 1 may be sent offers, 0 may not, NULL not known
            churned INTEGER,               -- 1 left, 0 stayed, NULL not known: the company's own label
            churned_on TEXT,
            attributes TEXT NOT NULL DEFAULT '{}'
        ) STRICT;
        CREATE INDEX customers_name ON customers (name COLLATE NOCASE);
        CREATE INDEX customers_email ON customers (email COLLATE NOCASE);

        CREATE TABLE products (
            id TEXT PRIMARY KEY,           -- the company's product code
            name TEXT NOT NULL,
            name_zh TEXT,
            category TEXT,
            price REAL,
            currency TEXT,
            description TEXT,
            active INTEGER NOT NULL DEFAULT 1,
            attributes TEXT NOT NULL DEFAULT '{}'
        ) STRICT;

        CREATE TABLE orders (
            id TEXT PRIMARY KEY,
            customer_id TEXT NOT NULL REFERENCES customers (id),
            ordered_at TEXT NOT NULL,
            status TEXT,                   -- placed | shipped | delivered | cancelled | returned
            channel TEXT,
            currency TEXT,
            total REAL,
            delivered_at TEXT,
            tracking TEXT,
            attributes TEXT NOT NULL DEFAULT '{}'
        ) STRICT;
        CREATE INDEX orders_customer ON orders (customer_id, ordered_at);
        CREATE INDEX orders_when ON orders (ordered_at);

        CREATE TABLE order_lines (
            order_id TEXT NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
            line INTEGER NOT NULL,         -- 1, 2, ... within the order
            product_id TEXT REFERENCES products (id),
            quantity REAL NOT NULL,
            unit_price REAL,
            amount REAL,
            attributes TEXT NOT NULL DEFAULT '{}',
            PRIMARY KEY (order_id, line)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX order_lines_product ON order_lines (product_id);

        CREATE TABLE subscriptions (
            id TEXT PRIMARY KEY,
            customer_id TEXT NOT NULL REFERENCES customers (id),
            plan TEXT NOT NULL,
            status TEXT NOT NULL,          -- active | paused | cancelled
            started_on TEXT NOT NULL,
            ended_on TEXT,
            price REAL,
            currency TEXT,
            interval TEXT,                 -- month | week | year
            next_delivery_on TEXT,
            end_reason TEXT,
            attributes TEXT NOT NULL DEFAULT '{}'
        ) STRICT;
        CREATE INDEX subscriptions_customer ON subscriptions (customer_id);

        CREATE TABLE interactions (
            id TEXT PRIMARY KEY,
            customer_id TEXT NOT NULL REFERENCES customers (id),
            at TEXT NOT NULL,
            channel TEXT NOT NULL,         -- email | chat | call | ticket | review
            author TEXT NOT NULL DEFAULT 'customer',   -- customer | agent
            subject TEXT,
            text TEXT NOT NULL,
            language TEXT,
            agent TEXT,                    -- who of the company dealt with it
            order_id TEXT,
            product_id TEXT,
            rating INTEGER,                -- stars 1..5 of a review
            status TEXT,                   -- open | closed, of a ticket
            attributes TEXT NOT NULL DEFAULT '{}'
        ) STRICT;
        CREATE INDEX interactions_customer ON interactions (customer_id, at);
        CREATE INDEX interactions_when ON interactions (at);

        CREATE TABLE offers (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            name_zh TEXT,
            kind TEXT NOT NULL,            -- discount | gift | upgrade | credit
            value REAL NOT NULL,           -- percent for a discount, money for the others
            terms TEXT NOT NULL,           -- what a customer is told, English
            terms_zh TEXT,
            rules TEXT NOT NULL DEFAULT '{}',  -- JSON, see assistant/dialogue/offers.py
            valid_from TEXT,
            valid_to TEXT,
            active INTEGER NOT NULL DEFAULT 1
        ) STRICT;

        CREATE TABLE offers_made (
            id INTEGER PRIMARY KEY,
            offer_id TEXT NOT NULL REFERENCES offers (id),
            customer_id TEXT NOT NULL REFERENCES customers (id),
            at TEXT NOT NULL,
            channel TEXT,
            text TEXT,
            outcome TEXT                   -- drafted | sent | accepted | declined
        ) STRICT;
        CREATE INDEX offers_made_customer ON offers_made (customer_id, at);

        CREATE TABLE conversations (
            id TEXT PRIMARY KEY,
            role TEXT NOT NULL,            -- visitor | customer | agent | admin
            customer_id TEXT,              -- who it is about (agent) or who it is (customer)
            held_by TEXT NOT NULL DEFAULT 'assistant',  -- assistant | person
            language TEXT,
            state TEXT NOT NULL DEFAULT '{}',   -- JSON: what the dialogue remembers
            started_at TEXT NOT NULL,
            closed_at TEXT
        ) STRICT;

        CREATE TABLE turns (
            id TEXT PRIMARY KEY,
            conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
            number INTEGER NOT NULL,       -- 1, 2, ... within the conversation
            at TEXT NOT NULL,
            message TEXT NOT NULL,
            answer TEXT NOT NULL DEFAULT '',
            outcome TEXT NOT NULL,         -- answered | unknown | refused | handed_off
            intent TEXT,
            sentiment TEXT,
            language TEXT,
            detail TEXT NOT NULL DEFAULT '{}',  -- JSON: citations, tools, checks, timing
            rating INTEGER,                -- 1 helpful, -1 not
            comment TEXT,
            UNIQUE (conversation_id, number)
        ) STRICT;

        CREATE TABLE handoffs (
            id TEXT PRIMARY KEY,
            conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
            at TEXT NOT NULL,
            reason TEXT NOT NULL,
            summary TEXT NOT NULL DEFAULT '',
            agent TEXT,
            closed_at TEXT
        ) STRICT;

        CREATE TABLE messages (            -- said by a person while a person holds the conversation
            id INTEGER PRIMARY KEY,
            conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
            at TEXT NOT NULL,
            author TEXT NOT NULL,          -- customer | agent
            text TEXT NOT NULL
        ) STRICT;

        CREATE TABLE imports (
            id INTEGER PRIMARY KEY,
            at TEXT NOT NULL,
            kind TEXT NOT NULL,
            file TEXT NOT NULL,
            sha256 TEXT NOT NULL,
            accepted INTEGER NOT NULL,
            rejected INTEGER NOT NULL,
            report TEXT NOT NULL           -- JSON
        ) STRICT;

        CREATE TABLE audit (
            id INTEGER PRIMARY KEY,
            at TEXT NOT NULL,
            actor TEXT NOT NULL,
            role TEXT NOT NULL,
            action TEXT NOT NULL,
            target TEXT,
            detail TEXT NOT NULL DEFAULT '{}'
        ) STRICT;
        """,
    ),
    (
        2,
        "actions done on somebody's behalf, one-time codes",
        """
        CREATE TABLE actions (
            id TEXT PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,      -- the same key is done once
            at TEXT NOT NULL,
            kind TEXT NOT NULL,            -- cancel_order | pause_subscription | ...: see assistant/dialogue/actions.py
            customer_id TEXT NOT NULL,
            actor TEXT NOT NULL,
            role TEXT NOT NULL,
            conversation_id TEXT,
            arguments TEXT NOT NULL DEFAULT '{}',   -- JSON
            detail TEXT NOT NULL DEFAULT '{}',      -- JSON: rows changed (before, after) and added
            undone_at TEXT
        ) STRICT;
        CREATE INDEX actions_customer ON actions (customer_id, at);

        CREATE TABLE codes (               -- one-time codes sent by e-mail; only hashes are kept
            id INTEGER PRIMARY KEY,
            at REAL NOT NULL,              -- seconds since 1970
            purpose TEXT NOT NULL,         -- sign_in
            conversation_id TEXT NOT NULL,
            address TEXT NOT NULL,         -- keyed hash of the e-mail address
            customer_id TEXT,              -- NULL where the address is nobody's
            code TEXT,                     -- keyed hash of the code
            tries INTEGER NOT NULL DEFAULT 0,
            used_at REAL
        ) STRICT;
        CREATE INDEX codes_conversation ON codes (conversation_id, at);
        CREATE INDEX codes_address ON codes (address, at);
        """,
    ),
    (
        3,
        "notes that colleagues leave for one another",
        """
        CREATE TABLE notes (               -- never shown to a customer, and no part of any prompt
            id INTEGER PRIMARY KEY,
            customer_id TEXT REFERENCES customers (id),  -- about a customer,
            conversation_id TEXT REFERENCES conversations (id) ON DELETE CASCADE,  -- or a conversation, or both
            at TEXT NOT NULL,
            author TEXT NOT NULL,
            text TEXT NOT NULL
        ) STRICT;
        CREATE INDEX notes_customer ON notes (customer_id);
        CREATE INDEX notes_conversation ON notes (conversation_id);
        """,
    ),
    (
        4,
        "variants of products, ways to pay, and what was paid for an order",
        """
        CREATE TABLE variants (
            id TEXT PRIMARY KEY,           -- the company's code of this very item
            product_id TEXT NOT NULL REFERENCES products (id),
            price REAL,
            currency TEXT,
            available INTEGER NOT NULL DEFAULT 1,
            attributes TEXT NOT NULL DEFAULT '{}'   -- the options: {"colour": "red", "size": "M"}
        ) STRICT;
        CREATE INDEX variants_product ON variants (product_id);
        ALTER TABLE order_lines ADD COLUMN variant_id TEXT;

        CREATE TABLE payment_methods (     -- no numbers one could pay with: only what tells one from the other
            id TEXT PRIMARY KEY,
            customer_id TEXT NOT NULL REFERENCES customers (id),
            kind TEXT NOT NULL,            -- credit_card | gift_card | paypal | ...: the company's own word
            balance REAL,                  -- of what holds money itself, such as a gift card
            attributes TEXT NOT NULL DEFAULT '{}'   -- {"brand": "visa", "last_four": "1234"}
        ) STRICT;
        CREATE INDEX payment_methods_customer ON payment_methods (customer_id);

        CREATE TABLE payments (
            id TEXT PRIMARY KEY,
            order_id TEXT NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
            method_id TEXT,
            kind TEXT NOT NULL DEFAULT 'payment',   -- payment | refund
            amount REAL NOT NULL,          -- never below 0
            at TEXT,
            attributes TEXT NOT NULL DEFAULT '{}'
        ) STRICT;
        CREATE INDEX payments_order ON payments (order_id);
        """,
    ),
    (
        5,
        "a suggested reply with each hand-off",
        """
        ALTER TABLE handoffs ADD COLUMN suggestion TEXT;  -- JSON: the text, its sources, the messages it is for
        """,
    ),
    (
        6,
        "a count of changes to the interactions, so that an index knows without reading them whether it is behind",
        """
        CREATE TABLE interaction_changes (number INTEGER NOT NULL) STRICT;  -- one row
        INSERT INTO interaction_changes VALUES (0);
        CREATE TRIGGER interactions_added AFTER INSERT ON interactions
        BEGIN UPDATE interaction_changes SET number = number + 1; END;
        CREATE TRIGGER interactions_removed AFTER DELETE ON interactions
        BEGIN UPDATE interaction_changes SET number = number + 1; END;
        CREATE TRIGGER interactions_changed AFTER UPDATE ON interactions
        BEGIN UPDATE interaction_changes SET number = number + 1; END;
        """,
    ),
]
