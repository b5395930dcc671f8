/**
 * One seed for all random tests, so that a test that fails now and passed before fails for a change and not by chance.
 * `TEST_SEED=random` draws another for each test, `TEST_SEED=<number>` names one. https://hl7.org/fhir/R4/testing.html
 */
import fc from 'fast-check';

const asked = process.env.TEST_SEED ?? '20261122';
if (asked !== 'random') fc.configureGlobal({ seed: Number(asked) });
