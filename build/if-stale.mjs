// Builds when dist/ is missing or older than a source, so that `npm start` and `npm test` work from an empty clone.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const stamp = 'dist/.tsbuildinfo';
const newest = (path) =>
  statSync(path).isDirectory()
    ? Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))))
    : statSync(path).mtimeMs;
const sources = [
  'src',
  'build',
  'bench',
  'seeds',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
];
const current =
  existsSync(stamp) &&
  existsSync('dist/bin/osteon.js') &&
  existsSync('dist/definitions.json') &&
  existsSync('dist/terminology.ndjson') &&
  existsSync('dist/structures.ndjson') &&
  sources.every((path) => !existsSync(path) || newest(path) <= statSync(stamp).mtimeMs);
if (!current)
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit', shell: process.platform === 'win32' });
