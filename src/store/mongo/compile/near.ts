/** Places within a distance: by their latitudes; the distance itself is left to test. https://hl7.org/fhir/R4/location.html#positional */
import type { NearTest } from '../../../search/criteria.ts';
import { latitudesAround } from '../../../search/distance.ts';
import type { Element } from './element.ts';

export function near(tests: readonly NearTest[]): Element {
  const bands = tests.map(({ latitude, within }) => {
    const { from, to } = latitudesAround(latitude, within);
    return { lat: { $gte: from, $lte: to } };
  });
  return { anyOf: bands, exact: false };
}
