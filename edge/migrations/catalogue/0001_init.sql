-- The catalogue: who sells what, and who may ask. Written by merchants and operators, read by every order.
-- Every row but a merchant's own carries merchant_id: one merchant never reads another's.

CREATE TABLE merchants (
    merchant_id TEXT PRIMARY KEY,
    name        TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100), -- shown to buyers
    created_at  INTEGER NOT NULL                                      -- milliseconds since 1970
) STRICT;

-- Where a merchant's pages live: who may use its publishable key, and where buyers may be sent back to.
CREATE TABLE origins (
    merchant_id TEXT NOT NULL REFERENCES merchants (merchant_id),
    origin      TEXT NOT NULL CHECK (origin LIKE 'http://%' OR origin LIKE 'https://%'),
    PRIMARY KEY (merchant_id, origin)
) STRICT;

-- A preflight names an origin and no key: is it anybody's?
CREATE INDEX origins_by_origin ON origins (origin);

-- API keys, stored only as their digest, so that whoever reads this table can use none of them.
CREATE TABLE api_keys (
    hash        TEXT PRIMARY KEY CHECK (length(hash) = 64), -- SHA-256 of the key, in hex
    kind        TEXT NOT NULL CHECK (kind IN ('pk', 'sk', 'op')),
    -- An operator key works across merchants, every other key belongs to exactly one.
    merchant_id TEXT REFERENCES merchants (merchant_id) CHECK ((kind = 'op') = (merchant_id IS NULL)),
    created_at  INTEGER NOT NULL,
    revoked_at  INTEGER                                     -- refused from this moment on
) STRICT;
CREATE INDEX api_keys_by_merchant ON api_keys (merchant_id, kind);

CREATE TABLE sellers (
    merchant_id TEXT NOT NULL REFERENCES merchants (merchant_id),
    seller_id   TEXT NOT NULL,
    name        TEXT NOT NULL,
    active      INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)), -- 0: takes no new lines, keeps its wallet
    PRIMARY KEY (merchant_id, seller_id)
) STRICT;

CREATE TABLE products (
    merchant_id TEXT NOT NULL,
    product_id  TEXT NOT NULL,
    name        TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100), -- Toss's orderName takes 100 characters
    unit_price  INTEGER NOT NULL CHECK (unit_price BETWEEN 0 AND 100000000), -- won; no order is larger
    seller_id   TEXT NOT NULL,
    tax_free    INTEGER NOT NULL DEFAULT 0 CHECK (tax_free IN (0, 1)),
    image_url   TEXT,
    active      INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)), -- 0: withdrawn; old orders still name it
    PRIMARY KEY (merchant_id, product_id),
    -- A line without a seller could be charged and never credited.
    FOREIGN KEY (merchant_id, seller_id) REFERENCES sellers (merchant_id, seller_id)
) STRICT;

CREATE TABLE coupons (
    merchant_id    TEXT NOT NULL REFERENCES merchants (merchant_id),
    code           TEXT NOT NULL,
    kind           TEXT NOT NULL CHECK (kind IN ('FIXED', 'PERCENT')),
    amount         INTEGER CHECK ((kind = 'FIXED') = (amount IS NOT NULL) AND amount > 0),
    percent        TEXT CHECK ((kind = 'PERCENT') = (percent IS NOT NULL)), -- a decimal as text: never a float
    max_amount     INTEGER CHECK (kind = 'PERCENT' OR max_amount IS NULL),
    minimum_amount INTEGER NOT NULL DEFAULT 0 CHECK (minimum_amount >= 0),
    valid_from     INTEGER,
    valid_until    INTEGER CHECK (valid_until > valid_from),
    funded_by      TEXT NOT NULL DEFAULT 'SELLER' CHECK (funded_by IN ('SELLER', 'MERCHANT')),
    active         INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    PRIMARY KEY (merchant_id, code)
) STRICT;
