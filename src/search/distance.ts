/** Distances on the earth. https://hl7.org/fhir/R4/location.html#positional */

/** The earth's mean radius in kilometres. */
const radius = 6371.0088;

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Kilometres between two places along a great circle, by the haversine formula. */
export function distance(latitude: number, longitude: number, toLatitude: number, toLongitude: number): number {
  const [a, b] = [radians(latitude), radians(toLatitude)];
  const across = Math.sin(radians(toLongitude - longitude) / 2) ** 2 * Math.cos(a) * Math.cos(b);
  const haversine = Math.sin((b - a) / 2) ** 2 + across;
  return 2 * radius * Math.asin(Math.min(1, Math.sqrt(haversine)));
}

/** Latitudes between which everything within a distance in kilometres lies, and hardly more. */
export function latitudesAround(latitude: number, within: number): { readonly from: number; readonly to: number } {
  const degrees = (within / radius) * (180 / Math.PI) + 1e-9;
  return { from: latitude - degrees, to: latitude + degrees };
}
