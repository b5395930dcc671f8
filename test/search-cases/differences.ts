/**
 * Where R4 wants another answer than the other server gives, by the case's name: with the sentence of R4 that it rests on. A
 * case here must answer exactly what is stated. https://hl7.org/fhir/R4/search.html
 */

export interface Difference {
  /** The sentence of R4, and what follows from it here. */
  readonly r4: string;
  /** The resources that R4 wants, by their places, or that it wants an error. */
  readonly finds: string;
}

const contains =
  '"the range of the search value fully contains the range of the target value" (eq, also without a prefix); the other server takes what overlaps';
const precision = 'Ranges have "The limits implied by the precision of the value": a stored 15.500 is [15.500, 15.501)';
const ne = `"the range of the search value does not fully contain the range of the target value". ${precision}, longer than the searched one`;
const above = `"the range above the search value intersects (i.e. overlaps) with the range of the target value". ${precision}, which reaches beyond the searched one`;
const le = `"the range below the search value intersects (i.e. overlaps) with the range of the target value or the range of the search value fully contains the range of the target value". ${precision}: none of it lies before the searched one, which doesn't contain it`;
const eb = `"the range below the search value contains the range of the target value". ${precision}, which ends later`;
const ge =
  '"the range above the search value intersects (i.e. overlaps) with the range of the target value, or the range of the search value fully contains the range of the target value": the day ends with the searched fraction of a second, and isn’t contained in it';
const resolves =
  '"A relative reference resolving to the same value as a specified absolute URL, or vice versa, qualifies as a match": an id without its type resolves to no resource of that type';
const segments =
  '"Note that the :above and :below modifiers only apply to URLs": whole segments of their paths are compared (docs/conformance.md), where R4 also says that the one "left-matches" the other';

/** By case. */
export const differences: Readonly<Record<string, Difference>> = {
  'Observation?date=1980-01': { r4: contains, finds: '' },
  'Observation?date=1980-05': { r4: contains, finds: '2 3 4 5 7' },
  'Observation?date=1980-05-10': { r4: contains, finds: '' },
  'Observation?date=1980-05-11': { r4: contains, finds: '3 4 5' },
  'Observation?date=1980-05-11T16:32:15': { r4: contains, finds: '4 5' },
  'Observation?date=1980-05-11T16:32:15.500': { r4: contains, finds: '5' },
  'Observation?date=1980-05-11T16:32:15.5000000': { r4: contains, finds: '' },
  'Observation?date=1980-05-11T16:32:15.5000001': { r4: contains, finds: '' },
  'Observation?date=1980-05-11T16:32:30': { r4: contains, finds: '' },
  'Observation?date=1980-05-16T16:32:15.500': { r4: contains, finds: '' },
  'Observation?date=ne1980-05-11T16:32:15.5000000': { r4: ne, finds: '0 1 2 3 4 5 6 7' },
  'Observation?date=gt1980-05-11T16:32:15.5000000': { r4: above, finds: '1 2 3 4 5 6 7' },
  'Observation?date=gt1980-05-11T16:32:15.5000001': { r4: above, finds: '1 2 3 4 5 6 7' },
  'Observation?date=ge1980-05-11T16:32:15.5000001': { r4: above, finds: '1 2 3 4 5 6 7' },
  'Observation?date=le1980-05-11T16:32:15.5000000': { r4: le, finds: '0 1 2 3 4' },
  'Observation?date=eb1980-05-11T16:32:15.5000001': { r4: eb, finds: '0' },
  'Observation?date=ge1979-12-31T23:59:59.9999999': { r4: ge, finds: '1 2 3 4 5 6 7' },
  'Patient?birthdate=1973-02-28T01:01:09.999999999999999999': {
    r4: '"Any degree of precision can be provided": seconds may have any number of decimals, so this is a date, if one that nobody has',
    finds: '',
  },
  'Patient?organization=organization/123': {
    r4: '"Where the content of the parameter is syntactically incorrect, servers SHOULD return an error": it is no id, no [type]/[id] and no absolute URL, for no type is called organization',
    finds: 'error',
  },
  'Patient?organization=Organization/ijk': { r4: resolves, finds: '' },
  'Patient?organization=ijk': { r4: resolves, finds: '' },
  'Patient?general-practitioner=p2': { r4: resolves, finds: '' },
  'ValueSet?url:above=urn://localhost/test': {
    r4: '"Note that the :above and :below modifiers only apply to URLs, and not URNS such as OIDs": nothing is asked for that could be answered',
    finds: 'error',
  },
  'ValueSet?url:above=http://example.org/rdf#54135-9-9-10': { r4: segments, finds: '' },
  'ValueSet?url:below=http': { r4: segments, finds: '' },
};
