/** A reporter of `node --test`, which loads it before it knows TypeScript: the files that hold a test that failed, one a line. */
export default async function* failures(events) {
  for await (const { type, data } of events) if (type === 'test:fail' && data.file) yield `${data.file}\n`
}
