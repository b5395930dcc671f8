/** Writes `seeds/orthopaedic-clinic/*.json` (https://hl7.org/fhir/R4/bundle.html): `npx tsx seeds/write.ts`. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { committed, generateClinic, seedText } from './generate.ts';

const folder = join('seeds', 'orthopaedic-clinic');
for (const name of readdirSync(folder)) if (name.endsWith('.json')) rmSync(join(folder, name));
for (const { name, bundle } of generateClinic(committed)) writeFileSync(join(folder, `${name}.json`), seedText(bundle));
