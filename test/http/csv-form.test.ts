/** Files in forms that break off. https://www.rfc-editor.org/rfc/rfc7578 */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { fileOf } from '../../src/operations/csv/incoming-csv.ts';

const file = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n';

test('a second file that breaks off while the first one is in work ends nothing but the form', async () => {
  async function* chunks() {
    // The parser takes each by itself: only then it holds the second file for the one it reads.
    for (const piece of [`${file}a\r\n1\r\n--x`, file.slice(3), 'a\r\n', '1']) {
      yield Buffer.from(piece);
      for (let turns = 0; turns < 5; turns++) await turn();
    }
  }
  const taken = async () => {
    for await (const chunk of fileOf({
      stream: { contentType: 'multipart/form-data; boundary=x', chunks: chunks() },
    })) {
      expect(chunk.length).toBeGreaterThan(0);
      for (let turns = 0; turns < 100; turns++) await turn();
    }
  };
  await expect(taken()).rejects.toThrow('several files');
});
