/** Expressions of published profiles. https://hl7.org/fhir/R4/packages.html */
import { createReadStream, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { loadDefinitions } from '../../src/fhir/definitions/definitions.ts';
import { compileInvariant } from '../../src/fhir/fhirpath/invariant.ts';
import { Budget, Scope } from '../../src/fhir/fhirpath/scope.ts';
import type { JsonObject } from '../../src/fhir/resource.ts';
import { isCompiled } from './compiled.ts';

const definitions = loadDefinitions();
const data = fileURLToPath(new URL('../../../shared/data', import.meta.url));
const packages = [`${data}/us-core/hl7.fhir.us.core-6.1.0.tgz`, `${data}/ips/hl7.fhir.uv.ips-1.1.0.tgz`];

interface Profile {
  readonly resourceType: string;
  readonly snapshot?: {
    readonly element: readonly { readonly constraint?: readonly { readonly expression?: string }[] }[];
  };
}

/** All expressions of a package's profiles. */
async function expressionsOf(file: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const entries = createReadStream(file).pipe(createGunzip()).pipe(extract());
  for await (const entry of entries) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    if (!/^package\/StructureDefinition-[^/]*\.json$/.test(entry.header.name)) continue;
    const profile: Profile = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    for (const { constraint = [] } of profile.snapshot?.element ?? [])
      for (const { expression } of constraint) if (expression !== undefined) found.add(expression);
  }
  return found;
}

describe('profiles', () => {
  it.skipIf(!packages.every((file) => existsSync(file)))(
    'US Core 6.1 and IPS 1.1 need no more than what is compiled',
    async () => {
      const found = (await Promise.all(packages.map(expressionsOf))).flatMap((expressions) => [...expressions]);
      expect(found.length).toBeGreaterThan(50);
      expect(found.filter((expression) => !isCompiled(expression, definitions))).toEqual([]);
    },
  );

  const npi =
    '(((select(value.substring(0,1).toInteger()).select(iif($this<5, $this*2, (($this*2)-9))))+(value.substring(1,1).toInteger())+(select(value.substring(2,1).toInteger()).select(iif($this<5, $this*2, (($this*2)-9))))+(value.substring(3,1).toInteger())+(select(value.substring(4,1).toInteger()).select(iif($this<5, $this*2, (($this*2)-9))))+(value.substring(5,1).toInteger())+(select(value.substring(6,1).toInteger()).select(iif($this<5, $this*2, (($this*2)-9))))+(value.substring(7,1).toInteger())+(select(value.substring(8,1).toInteger()).select(iif($this<5, $this*2, (($this*2)-9))))+(value.substring(9,1).toInteger()) + 24)mod 10=0)';
  const given: readonly (readonly [
    expression: string,
    type: string,
    breaks: JsonObject | string,
    keeps: JsonObject | string,
  ])[] = [
    [npi, 'Identifier', { value: '1234567890' }, { value: '1234567893' }],
    ["value.matches('^[0-9]{2}D[0-9]{7}$')", 'Identifier', { value: '12D123456' }, { value: '12D1234567' }],
    ['($this as dateTime).toString().length() >= 8', 'dateTime', '2020-01', '2020-01-01'],
    [
      "(family.exists() or given.exists()) xor extension.where(url='http://hl7.org/fhir/StructureDefinition/data-absent-reason').exists()",
      'HumanName',
      { text: 'a' },
      { family: 'a' },
    ],
    ['telecom or endpoint', 'PractitionerRole', { active: true }, { telecom: [{ value: '1' }, { value: '2' }] }],
    [
      'who.exists((resolve() is Practitioner) or (resolve() is Device)) implies onBehalfOf.exists()',
      'Provenance.agent',
      { who: { reference: 'Practitioner/a' } },
      { who: { reference: 'Organization/a' } },
    ],
    [
      '(QuestionnaireResponse|repeat(answer|item)).select(item.where(answer.value.exists()).linkId.isDistinct()).allTrue()',
      'QuestionnaireResponse',
      { item: [1, 2].map(() => ({ linkId: '1', answer: [{ valueBoolean: true }] })) },
      { item: [1, 2].map((n) => ({ linkId: `${n}`, answer: [{ valueBoolean: true }] })) },
    ],
  ];

  it.each(given)('%s', (expression, type, breaks, keeps) => {
    const holds = compileInvariant(expression, type, definitions);
    const on = (value: JsonObject | string): boolean | undefined => {
      const typed =
        typeof value === 'string' || !definitions.resourceTypes.has(type) ? value : { resourceType: type, ...value };
      const resource = typeof typed === 'string' ? {} : typed;
      return holds(typed, new Scope(resource, new Budget(performance.now() + 10_000)));
    };
    expect(on(breaks)).toBe(false);
    expect(on(keeps)).toBe(true);
  });
});
