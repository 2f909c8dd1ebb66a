/*
 * All that newswire's services say: each event's name, its priority, its
 * MESSAGE_ID (which never changes once it is out: operators filter by it), and the
 * fields that it always has.
 *
 * Each has an entry in packaging/journal/newswire.catalog and in
 * newswire.zh_CN.catalog: what happened, and what to do. A new id comes from
 * `systemd-id128 new`.
 */
#pragma once

#define JOURNAL_EVENTS(EVENT)                                                                      \
    /* ---- newswired: beginning and end */                                                        \
    EVENT(STARTED, INFO, "f664678009ddf7ad6cc8429739a944ef", 0)                                    \
    EVENT(STOPPING, INFO, "acc8805fccfd20659be1ee47024e14f4", 0)                                   \
    EVENT(STOPPED, NOTICE, "2db09545c0044f9c960192e373c96b57", 0)                                  \
    EVENT(CONFIG_BAD, ERR, "afd2a37e62dbb855164fbb060fd69dd2", F(REASON))                          \
    EVENT(START_FAILED, ERR, "1770220dab633fdd6927a57ce43237b9", F(REASON))                        \
    EVENT(RELOADED, NOTICE, "dc6d7437ae33ae264330317b0322732b", 0)                                 \
    EVENT(RELOAD_FAILED, ERR, "c8d7d99a0912cfaaf2d66e265750b7ae", F(REASON))                       \
    EVENT(THREAD_STUCK, ERR, "26bb47999b484602b85cc8f10cb58c92", F(REASON))                        \
    EVENT(WELL_AGAIN, NOTICE, "188d9a7e630f480d9a5f2c0965a0fdb2", 0)                               \
    EVENT(LOG_LEVEL_SET, NOTICE, "3b4e31ffc0a84656866308b64962d02d", F(PERSON))                    \
    EVENT(SOCKET_DIFFERS, WARNING, "ebd9e133d2914b4fb661024ca8939d44", F(REASON))                  \
    EVENT(INSECURE, WARNING, "9a9f5b94c4ac46529457d48e62aa4078", 0)                                \
    EVENT(LANGUAGE_MISSING, WARNING, "779eeb24352013af1563a39341a3e12b", F(REASON))                \
    /* ---- newswired: the log */                                                                  \
    EVENT(LOG_RECOVERED, WARNING, "548d49001e4baf911f4111740320748c", F(REASON))                   \
    EVENT(LOG_DAMAGED, ERR, "278a61bd2ecd6be6d3964d88d05c24f8", F(REASON))                         \
    EVENT(CHECKPOINT_FAILED, ERR, "8583b56421a43d370e1b9d1c20bebadf", F(REASON))                   \
    EVENT(DISK_SLOW, WARNING, "1669d33423b4428cacc099580fbb7395", F(REASON))                       \
    EVENT(INTAKE_STOPPED, ERR, "4d342e63352d3e9629b582a00fc32c6b", F(REASON))                      \
    EVENT(INTAKE_RESUMED, NOTICE, "0f046edc0dae2c6b7fab3b32b8268678", 0)                           \
    EVENT(READER_AHEAD, WARNING, "50af75ed753c4397a98178bb44d24113", F(CLIENT) | F(SEQ))           \
    EVENT(BACKUP_MADE, NOTICE, "ac3adac80e1d4be3bea0820dec10c7c1", F(SEQ) | F(PERSON) | F(FILE))   \
    EVENT(BACKUP_FAILED, WARNING, "7965feb3a85a4607a3feaf1e4bd4c3aa",                              \
          F(PERSON) | F(FILE) | F(REASON))                                                         \
    /* ---- newswired: what comes in */                                                            \
    EVENT(ARTICLE_TAKEN, DEBUG, "f8ec899a8f63d2fcb7bd1f9a947e0484",                                \
          F(URI) | F(VERSION) | F(TOPIC) | F(SEQ))                                                 \
    EVENT(ARTICLE_SENT, INFO, "6d60ef1a9b724a4589c4857dbb407e30",                                  \
          F(URI) | F(VERSION) | F(TOPIC) | F(SEQ))                                                 \
    EVENT(ARTICLE_CORRECTED, INFO, "8d67148135c94cf4991b7eed77bc107f",                             \
          F(URI) | F(VERSION) | F(TOPIC) | F(SEQ))                                                 \
    EVENT(ARTICLE_MOVED, INFO, "7d52a86ce61349c6a152849c6df350e8",                                 \
          F(URI) | F(VERSION) | F(TOPIC) | F(SEQ))                                                 \
    EVENT(ARTICLE_KILLED, NOTICE, "f3ea5a72e00f44bfb4ec0cab75d8e4f1",                              \
          F(URI) | F(VERSION) | F(TOPIC) | F(SEQ))                                                 \
    EVENT(ARTICLE_HELD, INFO, "7a4ef656cae9481fa55490dbb6f200f7", F(URI) | F(VERSION) | F(TOPIC))  \
    EVENT(ARTICLE_REFUSED, WARNING, "80cecd00577fba36dc3db0be6dd2255c",                            \
          F(URI) | F(FIELD) | F(REASON))                                                           \
    EVENT(REQUEST_REFUSED, WARNING, "0419626ccb14686f53eb494d8c0123ff", F(FIELD) | F(REASON))      \
    EVENT(FILE_TAKEN, INFO, "430e1f89e5fc6062a5bf3496287e0694", F(FILE))                           \
    EVENT(FILE_REFUSED, WARNING, "78610d64e06605ad1db8aa2a769d0a3e",                               \
          F(FILE) | F(FIELD) | F(REASON))                                                          \
    EVENT(FILE_NOTED, NOTICE, "8fa174f0af3d8bca19f9463e1f8e80f7", F(FILE) | F(REASON))             \
    EVENT(FILE_UNPLACED, NOTICE, "63260a7c26015d9453ce30615b1e5a36", F(FILE))                      \
    EVENT(FILE_PUT_BACK, NOTICE, "86de43bea9cd44c7b6dfe88656a6c6f7", F(FILE) | F(PERSON))          \
    EVENT(SPOOL_TROUBLE, ERR, "21d593128d683a5c30a6bf83dab14f69", F(FILE) | F(REASON))             \
    EVENT(REVIEW_WANTED, NOTICE, "d9301a5b604407f723fe9e4171c1c10d", F(CLIENT) | F(REASON))        \
    EVENT(ARTICLE_RELEASED, NOTICE, "9b03a407395f04a72a2ac1a42e3052f8",                            \
          F(URI) | F(VERSION) | F(PERSON))                                                         \
    EVENT(ARTICLE_APPROVED, NOTICE, "d5578ef4546135e7e453252a3998fb81",                            \
          F(URI) | F(VERSION) | F(PERSON))                                                         \
    EVENT(ARTICLE_REJECTED, NOTICE, "c40891ca4928ba26ebdfa48516edaf78",                            \
          F(URI) | F(VERSION) | F(PERSON))                                                         \
    /* ---- newswired: who is connected */                                                         \
    EVENT(CONNECTION_REFUSED, WARNING, "755f9074721a128631f8192eb731d146",                         \
          F(ADDRESS) | F(KEY) | F(REASON))                                                         \
    EVENT(SUBSCRIPTION_REFUSED, NOTICE, "9cac796db694dda8b40f34f26447b9d0", F(CLIENT) | F(TOPIC))  \
    EVENT(FEED_ATTACKED, WARNING, "c91cc77a44d0dd35bda1ae63050d40f1", F(KEY))                      \
    EVENT(HEARTBEATS_MISSING, ERR, "a7f4e7eacff4062d2f5fd67f946dea04", 0)                          \
    /* ---- the tools that follow the wire */                                                      \
    EVENT(DAEMON_MISSING, WARNING, "6719c847f9fe586e212e2ed98789e18a", F(ADDRESS))                 \
    EVENT(DAEMON_SILENT, WARNING, "500db6d89057e4bee0aac84d3ff91ffc", F(ADDRESS))                  \
    EVENT(DAEMON_FOUND, NOTICE, "5c44b07dc17ceb53f4830b125ae59c72", F(ADDRESS))                    \
    EVENT(DAEMON_REFUSES, ERR, "e81a6171df6451814ab3d27998147cfe", F(REASON))                      \
    EVENT(ENTRIES_LOST, WARNING, "278d508895051db5df4300084189b7e5", F(TOPIC) | F(SEQ))            \
    EVENT(EPOCH_CHANGED, WARNING, "85cf9df0dc0edc0073fb31f07ac36e87", F(EPOCH))                    \
    EVENT(TOOL_FAILED, ERR, "75b628f7fb55d455b94d397ba8718c92", 0)                                 \
    EVENT(ENTRY_UNREADABLE, ERR, "3691e1a6fe50c6ade5f8953a99e121f2", F(SEQ) | F(REASON))           \
    EVENT(COMMAND_REPEATED, WARNING, "677090399c78f71f604cd484d99903ba",                           \
          F(URI) | F(VERSION) | F(SEQ) | F(REASON))                                                \
    EVENT(COMMAND_PARKED, ERR, "982361e07228bba7e7f5c84feb38e5c1",                                 \
          F(URI) | F(VERSION) | F(SEQ) | F(FILE) | F(REASON))                                      \
    /* ---- newswire-archive */                                                                    \
    EVENT(ARCHIVE_DIFFERS, ERR, "8f5190090fca6a0b9285039eba2ce6cd", F(EPOCH) | F(SEQ))             \
    EVENT(ARCHIVE_FAILED, ERR, "69af206915bfaa9fd0f3e4feaaa4487d", F(FILE) | F(REASON))            \
    EVENT(FEED_FILE_FAILED, ERR, "02c87af66208dc5afeb5ad7458fda3bc", F(FILE) | F(REASON))          \
    /* ---- newswire-forward */                                                                    \
    EVENT(LEDGER_FAILED, ERR, "0977bca1b7fef02867ffffe63d9b1a46", F(REASON))                       \
    EVENT(LEDGER_RESUMED, NOTICE, "a352f729a724807231d418f8f154c07e", 0)                           \
    EVENT(SENDING_RESUMED, NOTICE, "f2aa1371eaa1622c74812b16f036b16e", 0)                          \
    EVENT(OUTLET_FAILING, WARNING, "60da79b3d5a599893fcc151982c2aca0", F(OUTLET) | F(REASON))      \
    EVENT(OUTLET_RESUMED, NOTICE, "bab7b6b67fdf992c6fc6d0c30acb29dd", F(OUTLET))                   \
    EVENT(DELIVERY_PARKED, ERR, "a649d56e85f7260a0f1425d2e9db738d",                                \
          F(OUTLET) | F(URI) | F(VERSION) | F(REASON))                                             \
    EVENT(OUTLET_GONE, ERR, "316ed642bb64ad3116832f606dd31097",                                    \
          F(OUTLET) | F(URI) | F(VERSION) | F(REASON))                                             \
    /* ---- newswire-alert */                                                                      \
    EVENT(ALERT_TOLD, INFO, "a302e97c2a014afea1010d6037c5ddd8", 0)                                 \
    EVENT(ALERT_NOT_TOLD, WARNING, "8900c7c0a03f493a965680b476b5a58f", F(REASON))                  \
    EVENT(ALERT_STATE_FAILED, WARNING, "b7592c655cba479ab3df027991c463c7", F(FILE) | F(REASON))
