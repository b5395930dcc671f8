/** Says at the end of a test run that there was no MongoDB for it. https://hl7.org/fhir/R4/http.html */
import { withoutMongo } from './mongo-server.ts';

/** Called by the test runner after the last test. */
export function teardown(): void {
  console.log(withoutMongo);
}
