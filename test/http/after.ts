/** Removes the stores that a file's tests used, when they are done. https://hl7.org/fhir/R4/testing.html */
import { afterAll } from 'vitest';
import { removeStores } from './stores.ts';

afterAll(removeStores);
