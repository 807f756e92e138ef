// Takes the first 100,000 flights of vega-datasets and writes them as the compressed CSV that `thalweg demo` reads.
// Run it with: npm install && node convert.mjs
// The same packages give the same bytes on every machine: the compressor is JavaScript, and the header has no time.
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { gzipSync, strToU8 } from 'fflate'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

const ROWS = 100_000
const COLUMNS = ['date', 'origin', 'destination', 'distance', 'delay']
const SHAPES = {
  date: /^(0[1-9]|1[0-2])([0-2]\d|3[01])([01]\d|2[0-3])[0-5]\d$/, // month, day, hour, minute
  origin: /^[A-Z]{3}$/,
  destination: /^[A-Z]{3}$/,
  distance: /^\d+$/,
  delay: /^-?\d+$/,
}

const source = createRequire(import.meta.url).resolve('vega-datasets/data/flights-3m.parquet')
const target = new URL('../../resources/io/thalweg/app/demo/flights-100k.csv.gz', import.meta.url)

const flights = await parquetReadObjects({
  file: await asyncBufferFromFile(source),
  compressors,
  columns: COLUMNS,
  rowEnd: ROWS,
})
if (flights.length !== ROWS) {
  throw new Error(`${source} gave ${flights.length} flights instead of ${ROWS}`)
}

const lines = [COLUMNS.join(',')]
let previous = ''
for (const [row, flight] of flights.entries()) {
  for (const column of COLUMNS) {
    if (!SHAPES[column].test(flight[column])) {
      throw new Error(`row ${row}: ${column} is ${flight[column]}`)
    }
  }
  if (flight.date < previous) {
    throw new Error(`row ${row}: ${flight.date} comes after ${previous}; the flights are not in the order of time`)
  }
  previous = flight.date
  lines.push(COLUMNS.map((column) => flight[column]).join(','))
}

const csv = strToU8(lines.join('\n') + '\n')
const gzip = gzipSync(csv, { level: 9, mtime: 0 })
await writeFile(target, gzip)

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
console.log(`${ROWS} flights, ${gzip.length} bytes`)
console.log(`${sha256(csv)}  flights-100k.csv`)
console.log(`${sha256(gzip)}  flights-100k.csv.gz`)
