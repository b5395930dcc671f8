/** Which types and profiles the values of an element have, and what references lead to. https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.type */
import { isObject, type JsonObject } from '../../fhir/resource.ts';
import type { Compiling } from './compile.ts';
import { type ElementType, equal, textOf, typesOf } from './element.ts';
import type { Check, Run } from './run.ts';
import { typeTree, typeUrl } from './structures.ts';
import { typeNamed } from './targets.ts';
import type { Node } from './tree.ts';

/** The checks of an element's types where they aren't the base's. */
export function typeChecks({ element }: Node, base: Node | undefined, compiling: Compiling): readonly Check[] {
  const types = typesOf(element);
  if (types.length === 0 || (base !== undefined && equal(element.type, base.element.type))) return [];
  const before = base === undefined ? [] : typesOf(base.element);
  compiling.spend((types.length * (before.length + 1)) / 8);
  return [
    ...resourceChecks(types, compiling),
    ...types.flatMap((type) => {
      const same = before.find(({ code }) => code === type.code);
      return [
        ...profileChecks(type, same, types.length > 1, compiling),
        ...targetChecks(type, same, types.length > 1, compiling),
      ];
    }),
  ];
}

/** Resources within a resource: their type is in themselves. Data types are told by their property; see `choiceFault`. */
function resourceChecks(types: readonly ElementType[], { members }: Compiling): readonly Check[] {
  const codes = types.map(({ code }) => code);
  if (!codes.every((code) => members.is(code, 'Resource')) || codes.includes('Resource')) return [];
  return [
    (value, _beside, run) => {
      const type = isObject(value) ? textOf(value.resourceType) : undefined;
      if (type !== undefined && !codes.some((code) => members.is(type, code)))
        run.fault('structure', 'type', `must be a resource of type ${codes.join(' or ')}`);
    },
  ];
}

function profileChecks(
  { code, profiles }: ElementType,
  before: ElementType | undefined,
  choice: boolean,
  { members }: Compiling,
): readonly Check[] {
  const own = profiles.filter((profile) => !isType(profile));
  if (own.length === 0 || own.length < profiles.length || equal(profiles, before?.profiles)) return [];
  const [only] = own;
  const applies = (run: Run) => !choice || run.property.endsWith(capital(code));
  return [
    (value, beside, run) => {
      if (!applies(run)) return;
      const type = isObject(value) ? textOf(value.resourceType) : undefined;
      if (type !== undefined && !members.is(type, code)) return;
      if (own.length === 1 && only !== undefined) {
        run.profile(only, value, beside);
        return;
      }
      const object = isObject(value) ? value : beside;
      if (object !== undefined && !own.some((profile) => run.conforms(profile, object)))
        run.fault('structure', 'profile', `must conform to one of ${own.join(', ')}`);
    },
  ];
}

const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** Whether a profile is but the definition of one of R4's types. */
function isType(profile: string): boolean {
  const [url = ''] = profile.split('|');
  const prefix = typeUrl('');
  return url.startsWith(prefix) && typeTree(url.slice(prefix.length)) !== undefined;
}

function targetChecks(
  { code, targets, aggregation, versioning }: ElementType,
  before: ElementType | undefined,
  choice: boolean,
  compiling: Compiling,
): readonly Check[] {
  if (code !== 'Reference') return [];
  const checks: Check[] = [];
  if (targets.length > 0 && !equal(targets, before?.targets)) {
    const wanted = targets.map((target) => ({ target, type: typeOfProfile(target, compiling) }));
    const text = targets.map((target) => target.slice(target.lastIndexOf('/') + 1)).join(' or ');
    checks.push((value, _beside, run) => {
      if (!isObject(value)) return;
      const found = typeof value.reference === 'string' ? run.resolve(value.reference) : undefined;
      const type = found?.resource.resourceType ?? typeNamed(value);
      if (type === undefined) return;
      run.spend(wanted.length);
      const candidates = wanted.filter((each) => each.type === undefined || compiling.members.is(type, each.type));
      if (candidates.length === 0) run.fault('value', 'reference-type', `must lead to ${text}; it leads to ${type}`);
      else if (
        found !== undefined &&
        !candidates.some(({ target }) => isType(target) || run.targetConforms(target, found))
      )
        run.fault('value', 'reference-type', `must lead to a resource that conforms to ${text}`);
    });
  }
  if (aggregation.length > 0 && !equal(aggregation, before?.aggregation)) checks.push(aggregationCheck(aggregation));
  if (versioning !== undefined && versioning !== 'either' && versioning !== before?.versioning)
    checks.push((value, _beside, run) => {
      const reference = isObject(value) ? textOf(value.reference) : undefined;
      if (reference === undefined || reference.startsWith('#')) return;
      if (reference.includes('/_history/') !== (versioning === 'specific'))
        run.fault('value', 'versioning', `must ${versioning === 'specific' ? '' : 'not '}name a version`);
    });
  if (!choice) return checks;
  return checks.map(
    (check): Check =>
      (value, beside, run) => {
        if (run.property.endsWith('Reference')) check(value, beside, run);
      },
  );
}

function aggregationCheck(aggregation: readonly string[]): Check {
  return (value, _beside, run) => {
    const reference = isObject(value) ? textOf(value.reference) : undefined;
    if (reference === undefined) return;
    const kind = reference.startsWith('#') ? 'contained' : (run.resolve(reference)?.kind ?? 'referenced');
    if (!aggregation.includes(kind) && !(kind === 'bundled' && aggregation.includes('referenced')))
      run.fault('value', 'aggregation', `must be ${aggregation.join(' or ')}; it is ${kind}`);
  };
}

/** The type that a profile is for; undefined where the profile isn't here. Throws NotFetched. */
export function typeOfProfile(profile: string, { structures }: Pick<Compiling, 'structures'>): string | undefined {
  const [url = ''] = profile.split('|');
  const name = url.slice(url.lastIndexOf('/') + 1);
  if (isType(profile)) return name;
  const definition: JsonObject | undefined = structures.definition(profile);
  return textOf(definition?.type);
}
