/** How much a criterion compares with. https://hl7.org/fhir/R4/search.html#combining */
import type { Criterion } from './criteria.ts';

/** How many values a criterion compares a resource with, those behind chains included. */
export function comparedValues(criterion: Criterion): number {
  switch (criterion.kind) {
    case 'and':
    case 'or':
      return criterion.of.reduce((sum, each) => sum + comparedValues(each), 0);
    case 'not':
    case 'contains':
    case 'chain':
    case 'has':
      return comparedValues(criterion.of);
    case 'value':
      return criterion.anyOf.length;
    case 'differs':
    case 'hierarchy':
      return criterion.from.length;
    case 'id':
      return criterion.ids.length;
    case 'referenced':
      return criterion.by.length;
    case 'missing':
    case 'lastUpdated':
    case 'words':
      return 1;
  }
}
