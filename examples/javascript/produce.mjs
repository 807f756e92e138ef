// Sends orders to Kafka, each of them twice: when it is placed, and again when it is known whether it was returned.
//
//   node produce.mjs [orders]

import { readFileSync } from 'node:fs';
import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import { Kafka, Partitioners, logLevel } from 'kafkajs';

const TOPIC = 'orders';
const BATCH = 50;

let state = 1; // of random()

const count = Number(process.argv[2] ?? 1000);
const kafka = new Kafka({
  clientId: 'shop',
  brokers: (process.env.BOOTSTRAP_SERVERS ?? '127.0.0.1:9092').split(','),
  logLevel: logLevel.WARN,
});
const registry = new SchemaRegistry({ host: process.env.SCHEMA_REGISTRY_URL ?? 'http://127.0.0.1:8081' });

const schema = readFileSync(new URL('order.avsc', import.meta.url), 'utf8');
const { id: schemaId } = await registry.register(
  { type: SchemaType.AVRO, schema },
  { subject: `${TOPIC}-value` }, // where the learner looks for it
);

// Idempotent: what kafkajs sends again after a network error is still on the topic once, and learned from once.
const producer = kafka.producer({
  createPartitioner: Partitioners.DefaultPartitioner,
  idempotent: true,
  maxInFlightRequests: 1,
});
await producer.connect();
const run = Date.now().toString(36);
let open = [];
for (let placed = 0; placed < count; placed += open.length) {
  const orders = Array.from({ length: Math.min(BATCH, count - placed) }, (_, i) => newOrder(`${run}-${placed + i}`));
  // by the time these are placed, the outcome of those before is known
  await send([...orders, ...open.map(withOutcome)]);
  open = orders;
}
await send(open.map(withOutcome));
await producer.disconnect();
console.log(`${count} orders: each was placed, and then returned or kept`);

async function send(orders) {
  const messages = orders.map(async (order) => ({ key: order.id, value: await registry.encode(schemaId, order) }));
  await producer.send({ topic: TOPIC, messages: await Promise.all(messages) });
}

function newOrder(id) {
  return {
    id,
    country: oneOf('DE', 'FR', 'NL', 'PL'),
    category: oneOf('books', 'garden', 'shoes', 'toys'),
    payment: oneOf('CARD', 'INVOICE', 'WALLET'),
    amount: Math.round(500 + 15000 * random() ** 2) / 100,
    gift: random() < 0.2,
    returned: null,
  };
}

// What the learner has to find out.
function withOutcome(order) {
  const logit =
    -3.5 +
    (order.category === 'shoes' ? 3 : 0) +
    (order.payment === 'INVOICE' ? 1.5 : 0) +
    0.03 * order.amount -
    (order.gift ? 2 : 0);
  return { ...order, returned: random() < 1 / (1 + Math.exp(-logit)) };
}

function oneOf(...choices) {
  return choices[Math.floor(random() * choices.length)];
}

// Lehmer's generator and not Math.random(), so that the orders are the same in every run.
function random() {
  state = (state * 48271) % 2147483647;
  return state / 2147483647;
}
