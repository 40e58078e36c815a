// The catalogue's migrations and the demo seed, applied to a local D1 and recorded as wrangler records them,
// so that `npx wrangler d1 migrations apply CATALOGUE --local` on the same state agrees.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

// The table of wrangler 4, to the letter.
const LEDGER = `CREATE TABLE IF NOT EXISTS d1_migrations(
		id         INTEGER PRIMARY KEY AUTOINCREMENT,
		name       TEXT UNIQUE,
		applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
);`;

/** Splits a script into its statements: quotes, comments and the body of a trigger keep their semicolons. */
export function statementsOf(script) {
  const token = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|;|\b\w+\b/g;
  const statements = [];
  let start = 0;
  let depth = 0;
  let trigger = false;
  let words = 0;
  let useful = false;
  for (let match; (match = token.exec(script)) !== null; ) {
    const text = match[0].toUpperCase();
    if (text.startsWith('--') || text.startsWith('/*')) continue;
    if (text !== ';') {
      useful = true;
      words += 1;
      if (text === 'TRIGGER' && words <= 4) trigger = true;
      if (trigger && (text === 'BEGIN' || text === 'CASE')) depth += 1;
      if (trigger && text === 'END') depth -= 1;
      continue;
    }
    if (depth > 0) continue;
    if (useful) statements.push(script.slice(start, match.index).trim());
    start = token.lastIndex;
    words = 0;
    trigger = false;
    useful = false;
  }
  if (useful) statements.push(script.slice(start).trim());
  return statements;
}

/** Applies the files that are not recorded yet, each in one transaction; answers their names. */
export async function applyMigrations(database, files) {
  await database.prepare(LEDGER).run();
  const { results } = await database.prepare('SELECT name FROM d1_migrations').all();
  const recorded = new Set(results.map((row) => row.name));
  const applied = [];
  for (const file of files) {
    const name = basename(file);
    if (recorded.has(name)) continue;
    const statements = statementsOf(readFileSync(file, 'utf8')).map((sql) => database.prepare(sql));
    statements.push(database.prepare('INSERT INTO d1_migrations (name) VALUES (?1)').bind(name));
    try {
      await database.batch(statements);
    } catch (error) {
      throw new Error(`migration ${name}: ${error.message}`);
    }
    applied.push(name);
  }
  return applied;
}

/** Runs the seed unless exactly this text ran before; answers whether it ran. The seed itself is idempotent. */
export async function applySeed(database, file) {
  const script = readFileSync(file, 'utf8');
  const hash = createHash('sha256').update(script).digest('hex');
  await database.prepare('CREATE TABLE IF NOT EXISTS dev_seed(hash TEXT PRIMARY KEY)').run();
  if (await database.prepare('SELECT 1 FROM dev_seed WHERE hash = ?1').bind(hash).first()) return false;
  const statements = statementsOf(script).map((sql) => database.prepare(sql));
  statements.push(database.prepare('INSERT INTO dev_seed (hash) VALUES (?1)').bind(hash));
  try {
    await database.batch(statements);
  } catch (error) {
    throw new Error(`seed ${basename(file)}: ${error.message}`);
  }
  return true;
}
