import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statementsOf } from './catalogue.mjs';

test('statements end at a semicolon, and the last one needs none', () => {
  assert.deepEqual(statementsOf('CREATE TABLE a(x);\n INSERT INTO a VALUES (1)'), ['CREATE TABLE a(x)', 'INSERT INTO a VALUES (1)']);
});

test('semicolons in texts, names and comments end nothing', () => {
  const script = `INSERT INTO a VALUES ('x;''y'); -- one; two\n/* three; */ SELECT ";" FROM a;`;
  const statements = statementsOf(script);
  assert.equal(statements.length, 2);
  assert.equal(statements[0], "INSERT INTO a VALUES ('x;''y')");
});

test('a trigger is one statement', () => {
  const trigger = `CREATE TRIGGER t AFTER INSERT ON a BEGIN
    UPDATE a SET x = CASE WHEN x > 1 THEN 2 ELSE 3 END; DELETE FROM b;
  END`;
  assert.deepEqual(statementsOf(`${trigger}; SELECT 1;`), [trigger, 'SELECT 1']);
});

test('comments alone are no statement', () => {
  assert.deepEqual(statementsOf('-- nothing;\n;;\n/* here */'), []);
});
