/** Values of reference parameters. https://hl7.org/fhir/R4/search.html#reference */
import { isId } from '../../fhir/id.ts';
import { parseReference } from '../../fhir/reference.ts';
import type { ReferenceTest, UriTest } from '../criteria.ts';
import { unescaped } from '../parse/value.ts';
import { badValue, type Lowerable, type LowerContext, refuse } from './context.ts';
import { uriTest } from './uri.ts';

const uriTypes = new Set(['canonical', 'uri', 'url', 'oid', 'uuid']);

const expected = 'a reference; write an id, Type/id or an absolute URL';
/** A search names resources, not versions of them. */
const version = /\/_history\/[^/]+$/;

/**
 * Tests of a reference parameter's values: `id`, `Type/id`, or an absolute URL; what lies below our own base is local.
 * `type` is that of the modifier `:Type`. Throws 400 for what is none of these, or of another type.
 */
export function lowerReference(
  value: string,
  type: string | undefined,
  parameter: Lowerable,
  context: LowerContext,
): readonly (ReferenceTest | UriTest)[] {
  const text = unescaped(value);
  const { types } = parameter.values;
  // Canonicals and uris may be any text.
  const uris = mayBeUri(parameter);
  const asUri = uris && type === undefined ? [uriTest(text, true)] : [];
  const parsed = parseReference(text, context.baseUrl);
  switch (parsed.kind) {
    case 'local':
      if (!context.definitions.resourceTypes.has(parsed.type)) {
        if (uris) return asUri;
        throw badValue(context, value, `${expected}; R4 has no resource type ${parsed.type}`);
      }
      if (type !== undefined && type !== parsed.type) throw refuse('value', `${context.name}: ${text} is no ${type}.`);
      return [{ kind: 'reference', type: parsed.type, id: parsed.id }, ...asUri];
    case 'absolute':
      return uris ? [uriTest(text, true)] : [uriTest(text.replace(version, ''), false)];
    case 'urn':
      return [uriTest(text, uris)];
    case 'fragment':
      throw badValue(context, value, `${expected}: contained resources have no URL`);
    case 'other': {
      if (!isId(text)) {
        if (uris) return [uriTest(text, true)];
        throw badValue(context, value, expected);
      }
      const possible = type === undefined ? possibleTypes(parameter, context) : [type];
      if (possible.length > 1 && types.includes('Reference')) context.ambiguous(text, possible);
      return [...possible.map((each): ReferenceTest => ({ kind: 'reference', type: each, id: text })), ...asUri];
    }
  }
}

/** Whether a parameter has canonicals or uris among its values; true where that isn't known. */
export function mayBeUri({ values: { types } }: Pick<Lowerable, 'values'>): boolean {
  return types.length === 0 || types.some((type) => uriTypes.has(type));
}

/**
 * The types that a bare id may be of. R4 gives `patient` the targets Patient and Group for many types, of which the
 * expression (`resolve() is Patient`) or the element allows but one.
 */
export function possibleTypes(
  parameter: Pick<Lowerable, 'targets' | 'values'>,
  context: LowerContext,
): readonly string[] {
  const targets = targetsOf(parameter, context);
  const { leadsTo } = parameter.values;
  const narrowed = leadsTo === undefined ? targets : targets.filter((type) => leadsTo.includes(type));
  return narrowed.length === 0 ? targets : narrowed;
}

/** The types a parameter's references may lead to. */
export function targetsOf(parameter: Pick<Lowerable, 'targets'>, { definitions }: LowerContext): readonly string[] {
  return parameter.targets.length > 0 ? parameter.targets : [...definitions.resourceTypes];
}
