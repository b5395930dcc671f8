/** Runs the bare SQLite writer in a process of its own on the server's core. https://hl7.org/fhir/R4/http.html#create */
import { fileURLToPath } from 'node:url';
import { exitOf, spawnNode } from '../machine.ts';

export interface BareWrites {
  readonly resources: number;
  readonly rows: number;
  readonly seconds: number;
}

/** Writes the rows of resources of `source` into `target`, a file that is empty, absent, or a copy of a store. */
export async function writeBare(plan: {
  readonly source: string;
  readonly target: string;
  readonly limit: number;
  readonly newest: boolean;
  readonly group: number;
}): Promise<BareWrites> {
  const child = spawnNode('server', fileURLToPath(new URL('./rows.js', import.meta.url)), [JSON.stringify(plan)]);
  let text = '';
  child.stdout?.on('data', (part: Buffer) => {
    text += part.toString();
  });
  child.stderr?.pipe(process.stderr);
  const code = await exitOf(child);
  if (code !== 0) throw new Error(`the bare writer ended with ${code}`);
  const result: BareWrites = JSON.parse(text);
  return result;
}
