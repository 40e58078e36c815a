-- The shop `demo`, for development and tests. Run as often as you like: what is there stays.
INSERT OR IGNORE INTO merchants (merchant_id, name, created_at) VALUES ('demo', '계산 데모 상점', 0);

INSERT OR IGNORE INTO origins (merchant_id, origin) VALUES
    ('demo', 'http://127.0.0.1:8787'),
    ('demo', 'http://localhost:8787');

-- SHA-256 of pk_test_demo, sk_test_demo, op_test_demo.
INSERT OR IGNORE INTO api_keys (hash, kind, merchant_id, created_at) VALUES
    ('cfaaf44f4fcf9f65805b2a4642a68173d0b427f104dd192adbb489f01e392b76', 'pk', 'demo', 0),
    ('5d48f1024f38b44ad9ddc03dc12b2a8287c7ec690065dcef384cb1fd1753626d', 'sk', 'demo', 0),
    ('a10754f355e689d816bae7ebb345c4c510e5f06729b55c10fcbab75c6d3f88c0', 'op', NULL, 0);

INSERT OR IGNORE INTO sellers (merchant_id, seller_id, name) VALUES
    ('demo', 'A', '판매자A'),
    ('demo', 'B', '판매자B');

INSERT OR IGNORE INTO products (merchant_id, product_id, name, unit_price, seller_id) VALUES
    ('demo', 'A', '상품A', 1000, 'A'),
    ('demo', 'B', '상품B', 2000, 'A'),
    ('demo', 'C', '상품C', 3000, 'A'),
    ('demo', 'D', '상품D', 4500, 'B');

INSERT OR IGNORE INTO coupons (merchant_id, code, kind, amount, minimum_amount) VALUES
    ('demo', 'WELCOME', 'FIXED', 1000, 5000);

-- A second shop, so that tests can see that neither reaches the other. It has no account at the PSP.
INSERT OR IGNORE INTO merchants (merchant_id, name, created_at) VALUES ('other', '다른 상점', 0);
INSERT OR IGNORE INTO origins (merchant_id, origin) VALUES ('other', 'https://other.example');
INSERT OR IGNORE INTO api_keys (hash, kind, merchant_id, created_at) VALUES
    ('aee2d3fd1b46ecedbbf01e51c5755a514a07ef5f69724a47f6be215b113f36ce', 'pk', 'other', 0),
    ('e3e0e6427495b3895a94870e1248694ddc413c4e51c864f8e4d1f0979b631f15', 'sk', 'other', 0);
INSERT OR IGNORE INTO sellers (merchant_id, seller_id, name) VALUES ('other', 'A', '판매자A');
INSERT OR IGNORE INTO products (merchant_id, product_id, name, unit_price, seller_id) VALUES ('other', 'A', '상품A', 9000, 'A');
