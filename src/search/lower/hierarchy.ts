/** `:above` and `:below` on reference parameters. https://hl7.org/fhir/R4/search.html#reference */
import type { Criterion, HierarchyCriterion, Parameter, ReferenceTest, UriTest } from '../criteria.ts';
import { unescaped } from '../parse/value.ts';
import type { ParameterRegistry, SearchParameter } from '../registry.ts';
import { type LowerContext, refuse } from './context.ts';
import { lowerReference, mayBeUri, targetsOf } from './reference.ts';
import { type Direction, versionTests } from './uri.ts';

/** Parameters that lead from a part to the whole that it belongs to, where a type has one of them. */
const partCodes: readonly string[] = ['partof', 'part-of', 'parent'];

/**
 * The criterion on references to the resources that the values name and to all above or below them; canonicals go by their
 * versions. Throws 400 for a malformed value, and for a parameter that leads to no hierarchy.
 */
export function lowerHierarchy(
  values: readonly string[],
  direction: Direction,
  parameter: SearchParameter & { readonly kind: 'reference' },
  context: LowerContext,
): Criterion {
  const { registry } = context;
  const canonical = mayBeUri(parameter);
  const targets = targetsOf(parameter, context);
  if (!canonical && !targets.some((type) => hierarchyOf(type, parameter, registry) !== undefined)) {
    const what = `nothing that ${parameter.code} leads to has a hierarchy`;
    throw refuse('not-supported', `${context.name}: ${what} (a parameter ${partCodes.join(', ')}).`);
  }
  const tests: (ReferenceTest | UriTest)[] = [];
  const from = new Map<string, { readonly by: Parameter; readonly ids: Set<string> }>();
  for (const value of values) {
    if (canonical) tests.push(...versionTests(unescaped(value), direction));
    for (const test of lowerReference(value, undefined, parameter, context)) {
      const by = test.kind === 'reference' ? hierarchyOf(test.type, parameter, registry) : undefined;
      if (test.kind === 'uri') {
        // Of another server's resource nobody here knows the parts.
        if (!canonical) tests.push(test);
      } else if (by === undefined) {
        tests.push(test);
      } else {
        const group = from.get(by.type) ?? { by, ids: new Set() };
        from.set(by.type, group);
        group.ids.add(test.id);
      }
    }
  }
  const of: Criterion[] = [...from.values()].map(({ by, ids }): HierarchyCriterion => {
    return { kind: 'hierarchy', parameter: parameter.parameter, by, direction, from: [...ids] };
  });
  if (tests.length > 0) of.push({ kind: 'value', parameter: parameter.parameter, anyOf: tests });
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { kind: 'or', of };
}

/**
 * The parameter that makes a hierarchy of a type's resources: the searched one itself where it leads from that type to the
 * same, else what leads to the whole. Undefined where there is none.
 */
function hierarchyOf(type: string, searched: SearchParameter, registry: ParameterRegistry): Parameter | undefined {
  const circular = ({ targets, values }: SearchParameter) =>
    (targets.length === 0 || targets.includes(type)) && values.types.includes('Reference');
  if (searched.type === type && circular(searched)) return searched.parameter;
  for (const code of partCodes) {
    const found = registry.get(type, code);
    if (found?.kind === 'reference' && circular(found)) return found.parameter;
  }
  return undefined;
}
