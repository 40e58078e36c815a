import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Surprises } from './surprises.mjs';

test('what the network does is no surprise', () => {
  const surprises = new Surprises();
  const messages = [
    'proxy request failed, cannot connect to the specified address',
    'Network connection lost.',
    'Stream was cancelled.',
  ];
  for (const message of messages) assert.equal(surprises.line(new Error(message), 0), undefined);
  assert.equal(surprises.line(new TypeError('Specified address could not be parsed.'), 0), undefined);
});

test('an exception of the host is a line of the log', () => {
  const line = JSON.parse(new Surprises().line(new WebAssembly.RuntimeError('unreachable'), 0));
  assert.equal(line.level, 'error');
  assert.equal(line.fact, 'connection.exception');
  assert.match(line.detail, /RuntimeError: unreachable$/);
  // A panic is one whatever its words.
  assert.ok(new Surprises().line(new WebAssembly.RuntimeError('Network connection lost.'), 0));
  assert.ok(new Surprises().line(undefined, 0));
});

test('each kind is told once a minute', () => {
  const surprises = new Surprises();
  const times = [0, 1, 59_999, 60_000, 61_000, 120_000];
  const told = times.filter((now) => surprises.line(new TypeError('x is not a function'), now));
  assert.deepEqual(told, [0, 60_000, 120_000]);
  assert.ok(surprises.line(new RangeError('out of bounds'), 120_000));
  // Nor does a clock that was set back by an hour silence it.
  assert.ok(surprises.line(new TypeError('x is not a function'), -3_600_000));
});

test('a long exception does not fill the log', () => {
  assert.ok(new Surprises().line(new Error('x'.repeat(10_000)), 0).length < 500);
});
