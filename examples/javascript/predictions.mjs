// Reads orders and their predictions, and puts beside each probability what came true.
//
//   node predictions.mjs [orders]      ends after so many; otherwise goes on until Ctrl-C

import { randomUUID } from 'node:crypto';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import { Kafka, logLevel } from 'kafkajs';

const REPORT_EVERY = 100;

const limit = Number(process.argv[2] ?? Infinity);
const kafka = new Kafka({
  clientId: 'predictions',
  brokers: (process.env.BOOTSTRAP_SERVERS ?? '127.0.0.1:9092').split(','),
  logLevel: logLevel.WARN,
});
const registry = new SchemaRegistry({ host: process.env.SCHEMA_REGISTRY_URL ?? 'http://127.0.0.1:8081' });

// Orders wait in memory for their predictions, so every run reads both topics from the beginning, in a group of its own. kafkajs
// reads only what has been committed unless it is told otherwise, so nothing that a crash of the learner has undone gets here.
const consumer = kafka.consumer({ groupId: `predictions-${randomUUID()}` });
await consumer.connect();
await consumer.subscribe({ topics: ['orders', 'predictions'], fromBeginning: true });

const waiting = new Map();
let joined = 0;
let returned = 0;
let logLoss = 0;

await new Promise((done, failed) => {
  process.once('SIGINT', done);
  consumer.on(consumer.events.CRASH, ({ payload }) => payload.restart || failed(payload.error));
  consumer.run({
    autoCommit: false,
    eachMessage: async ({ topic, message }) => {
      const value = await registry.decode(message.value);
      if (topic === 'orders') {
        join(value.id, value.returned === null ? { order: value } : { returned: value.returned });
      } else if (value.label === null) {
        // the prediction of the order as it was placed; one with a label was made when the outcome was known
        join(value.id, { probability: value.probability });
      }
      if (joined >= limit) {
        done();
      }
    },
  }).catch(failed);
});
await consumer.disconnect();

// The two topics are read side by side: order, probability and outcome may come in any order.
function join(id, part) {
  const all = { ...waiting.get(id), ...part };
  if (all.order === undefined || all.probability === undefined || all.returned === undefined) {
    waiting.set(id, all);
    return;
  }
  waiting.delete(id);
  print(all);
}

function print({ order, probability, returned: cameBack }) {
  if (joined === limit) {
    return;
  }
  joined += 1;
  returned += cameBack ? 1 : 0;
  logLoss -= Math.log(cameBack ? probability : 1 - probability);
  console.log(
    `${order.id}  ${order.category.padEnd(6)}  ${order.payment.padEnd(7)}  ${order.amount.toFixed(2).padStart(6)}` +
      `  probability ${probability.toFixed(3)}  ${cameBack ? 'returned' : 'kept'}`,
  );
  if (joined % REPORT_EVERY === 0) {
    const rate = returned / joined;
    const baseRate = -rate * Math.log(rate) - (1 - rate) * Math.log(1 - rate);
    console.log(`${joined} orders: log loss ${(logLoss / joined).toFixed(4)}, the base rate's ${baseRate.toFixed(4)}`);
  }
}
