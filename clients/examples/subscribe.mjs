// Follows a news wire: prints each article of the wanted topics, in order, none lost.
//
//     npm install zeromq@6 protobufjs@7
//     node subscribe.mjs NEWSWIRE.PROTO CURSOR_FILE [TOPIC...]     # TOPIC: a prefix, such as briefs/
//
// NEWSWIRE_SERVER names the daemon's host, NEWSWIRE_KEY the file with this client's keys. What an entry is
// worth is decided in take(); README.md beside this file explains the rest.

import fs from 'node:fs'
import protobuf from 'protobufjs'
import * as zmq from 'zeromq'

const [protoFile, cursorFile, ...topics] = process.argv.slice(2)
if (!cursorFile) {
  console.error('usage: node subscribe.mjs NEWSWIRE.PROTO CURSOR_FILE [TOPIC...]')
  process.exit(64)
}
const host = process.env.NEWSWIRE_SERVER ?? '127.0.0.1'
const feedEndpoint = process.env.NEWSWIRE_FEED ?? `tcp://${host}:5560`
const replayEndpoint = process.env.NEWSWIRE_REPLAY ?? `tcp://${host}:5561`
const creditBytes = 1 << 20
const patienceMsec = 10000

const wire = protobuf.loadSync(protoFile).lookup('newswire.v1')
const [Article, FeedMessage, ReplayRequest, ReplayReply] = ['Article', 'FeedMessage', 'ReplayRequest', 'ReplayReply']
  .map(name => wire.lookupType(name))
const errorCode = wire.lookupEnum('Error.Code').values
const statusName = wire.lookupEnum('Status.Value').valuesById
const number = value => Number(value.toString()) // 64-bit numbers here stay below 2^53

// Your work. It must be done, or safely stored, when this returns: the cursor moves on after it.
function take(entry) {
  if (entry.article.length === 0) return // the story was withdrawn since; its text is not served any more
  const article = Article.decode(entry.article)
  console.log([number(entry.seq), entry.topic, entry.uri, entry.version, statusName[article.status],
    article.headline].join('\t'))
}

// How far we are: the log's life, the number up to which nothing is missing, each topic's last entry.
let cursor = fs.existsSync(cursorFile)
  ? JSON.parse(fs.readFileSync(cursorFile, 'utf8'))
  : { epoch: 0, proven: 0, last: {} }

function save() {
  const file = fs.openSync(cursorFile + '.new', 'w')
  fs.writeSync(file, JSON.stringify(cursor))
  fs.fsyncSync(file)
  fs.closeSync(file)
  fs.renameSync(cursorFile + '.new', cursorFile)
}

// Notes the entry seq of a topic, and tells what retention took before we came for it.
function move(topic, prevSeq, seq) {
  const before = cursor.last[topic] ?? 0
  if (prevSeq > before) console.error(`lost: entries of ${topic} after ${before} up to ${prevSeq} are kept no more`)
  cursor.last[topic] = Math.max(seq, before)
}

function connect(socket, endpoint) {
  socket.linger = 0
  socket.heartbeatInterval = 5000 // notices a connection that is dead
  if (process.env.NEWSWIRE_KEY) {
    const keys = Object.fromEntries([...fs.readFileSync(process.env.NEWSWIRE_KEY, 'utf8')
      .matchAll(/([a-z]+-key) = "(.{40})"/g)].map(match => [match[1], match[2]]))
    socket.curveServerKey = keys['server-key']
    socket.curvePublicKey = keys['public-key']
    socket.curveSecretKey = keys['secret-key']
  }
  socket.connect(endpoint)
  return socket
}

const encode = request => ReplayRequest.encode(ReplayRequest.create(request)).finish()

// Asks replay for all that is behind the cursor, and takes it in the log's order.
async function catchUp() {
  const replay = connect(new zmq.Dealer({ receiveTimeout: patienceMsec }), replayEndpoint)
  try {
    await replay.send(encode({
      requestId: 1, open: { topics, epoch: cursor.epoch, after: cursor.proven, creditBytes },
    }))
    for (;;) {
      const [bytes] = await replay.receive()
      const frame = ReplayReply.decode(bytes)
      if (frame.error?.code === errorCode.wrong_epoch) {
        console.error('the log is another one: all of it follows; know what you have by uri and version')
        cursor = { epoch: number(frame.epoch), proven: 0, last: {} }
        return false // the feed's next heartbeat brings us back
      }
      if (frame.error?.code === errorCode.busy) {
        console.error(`the daemon is busy: ${frame.error.message}`)
        return false
      }
      if (frame.error) {
        console.error(`the daemon refuses: ${frame.error.message}`)
        process.exit(77)
      }
      cursor.epoch = number(frame.epoch)
      for (const entry of frame.entries) {
        move(entry.topic, number(entry.prevSeq), number(entry.seq))
        take(entry)
      }
      cursor.proven = number(frame.provenSeq)
      save()
      if (frame.done) return true
      await replay.send(encode({ requestId: 1, credit: { bytes: bytes.length } }))
    }
  } catch (error) {
    if (error.code !== 'EAGAIN') throw error
    console.error(`no answer from ${replayEndpoint}: is the daemon there, and does it know our key?`)
    return false
  } finally {
    replay.close()
  }
}

// Is there more than we have? Heartbeats say each topic's head, so that a lost message is noticed.
function news(topic, message) {
  const heads = message.entries.map(entry => [number(entry.epoch), number(entry.seq)])
  if (message.heartbeat) heads.push([number(message.heartbeat.epoch), number(message.heartbeat.head)])
  return heads.some(([epoch, seq]) => epoch !== cursor.epoch || seq > (cursor.last[topic] ?? 0))
}

const feed = connect(new zmq.Subscriber(), feedEndpoint)
feed.subscribe(...(topics.length > 0 ? topics : ['']))
await catchUp()
for await (const [topicBytes, messageBytes] of feed) {
  const topic = topicBytes.toString()
  const message = FeedMessage.decode(messageBytes)
  if (news(topic, message) && await catchUp() && message.heartbeat &&
    number(message.heartbeat.epoch) === cursor.epoch) {
    const head = number(message.heartbeat.head)
    move(topic, head, head) // what replay did not have of this topic is gone
  }
}
