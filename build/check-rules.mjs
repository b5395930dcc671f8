// Checks the import rules and fails when nothing was looked at, which a wrong TypeScript version would otherwise hide.
import { execFileSync } from 'node:child_process';

let report;
try {
  report = execFileSync('npx', ['depcruise', '--config', '.dependency-cruiser.mjs', '--output-type', 'json', 'src'], {
    encoding: 'utf8',
    maxBuffer: 256 * 1024 * 1024,
  });
} catch (error) {
  report = error.stdout;
}
const { summary } = JSON.parse(report);
for (const { rule, from, to } of summary.violations) console.error(`${rule.name}: ${from} -> ${to}`);
console.log(`${summary.totalCruised} modules looked at, ${summary.violations.length} violations`);
process.exit(summary.totalCruised === 0 || summary.violations.length > 0 ? 1 : 0);
