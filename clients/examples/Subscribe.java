/*
 * Follows a news wire: prints each article of the wanted topics, in order, none lost.
 *
 *     protoc -I PROTO_FOLDER --java_out=. newswire.proto
 *     javac -cp jeromq.jar:protobuf-java.jar Subscribe.java newswire/v1/Newswire.java
 *     java -cp jeromq.jar:protobuf-java.jar:. Subscribe CURSOR_FILE [TOPIC...]    # TOPIC: a prefix, such as briefs/
 *
 * NEWSWIRE_SERVER names the daemon's host, NEWSWIRE_KEY the file with this client's keys. Wants JeroMQ 0.6 or newer
 * and protobuf-java. What an entry is worth is decided in take(); README.md beside this file explains the rest.
 */

import com.google.protobuf.InvalidProtocolBufferException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import newswire.v1.Newswire.Article;
import newswire.v1.Newswire.Entry;
import newswire.v1.Newswire.FeedMessage;
import newswire.v1.Newswire.ReplayCredit;
import newswire.v1.Newswire.ReplayOpen;
import newswire.v1.Newswire.ReplayReply;
import newswire.v1.Newswire.ReplayRequest;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;

public final class Subscribe {
    private static final int CREDIT_BYTES = 1 << 20;
    private static final int PATIENCE_MSEC = 10000;
    private static final String FEED = endpoint("NEWSWIRE_FEED", 5560);
    private static final String REPLAY = endpoint("NEWSWIRE_REPLAY", 5561);

    private final ZContext context;
    private final List<String> topics;
    private final Cursor cursor;

    private Subscribe(ZContext context, Cursor cursor, List<String> topics) {
        this.context = context;
        this.cursor = cursor;
        this.topics = topics;
    }

    private static String endpoint(String variable, int port) {
        String host = System.getenv().getOrDefault("NEWSWIRE_SERVER", "127.0.0.1");
        return System.getenv().getOrDefault(variable, "tcp://" + host + ":" + port);
    }

    /** Your work. It must be done, or safely stored, when this returns: the cursor moves on after it. */
    private static void take(Entry entry) throws InvalidProtocolBufferException {
        if (entry.getArticle().isEmpty()) {
            return; // the story was withdrawn since; its text is not served any more
        }
        Article article = Article.parseFrom(entry.getArticle());
        System.out.println(String.join("\t", Long.toString(entry.getSeq()), entry.getTopic(), entry.getUri(),
                Integer.toString(entry.getVersion()), article.getStatus().name(), article.getHeadline()));
    }

    /** How far we are: the log's life, the number up to which nothing is missing, each topic's last entry. */
    private static final class Cursor {
        private final Path file;
        private final Properties values = new Properties();

        Cursor(Path file) throws IOException {
            this.file = file;
            if (Files.exists(file)) {
                values.load(Files.newBufferedReader(file, StandardCharsets.UTF_8));
            }
        }

        long get(String name) {
            return Long.parseLong(values.getProperty(name, "0"));
        }

        void set(String name, long value) {
            values.setProperty(name, Long.toString(value));
        }

        void reset(long epoch) {
            values.clear();
            set("epoch", epoch);
        }

        /** Notes the entry seq of a topic, and tells what retention took before we came for it. */
        void move(String topic, long prevSeq, long seq) {
            long before = get("last." + topic);
            if (prevSeq > before) {
                System.err.printf("lost: entries of %s after %d up to %d are kept no more%n", topic, before, prevSeq);
            }
            set("last." + topic, Math.max(seq, before));
        }

        void save() throws IOException {
            Path next = file.resolveSibling(file.getFileName() + ".new");
            ByteArrayOutputStream text = new ByteArrayOutputStream();
            values.store(text, null);
            Files.write(next, text.toByteArray());
            try (FileChannel channel = FileChannel.open(next, StandardOpenOption.WRITE)) {
                channel.force(true);
            }
            Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        }
    }

    private ZMQ.Socket connect(SocketType type, String where) throws IOException {
        ZMQ.Socket socket = context.createSocket(type);
        socket.setLinger(0);
        socket.setSndHWM(0); // or subscriptions beyond the high-water mark are forgotten
        socket.setHeartbeatIvl(5000); // notices a connection that is dead
        String keyFile = System.getenv("NEWSWIRE_KEY");
        if (keyFile != null) {
            String text = Files.readString(Path.of(keyFile));
            socket.setCurveServerKey(key(text, "server-key"));
            socket.setCurvePublicKey(key(text, "public-key"));
            socket.setCurveSecretKey(key(text, "secret-key"));
        }
        socket.connect(where);
        return socket;
    }

    private static byte[] key(String text, String name) {
        Matcher found = Pattern.compile(name + " = \"(.{40})\"").matcher(text);
        if (!found.find()) {
            throw new IllegalArgumentException("the key file has no " + name);
        }
        return ZMQ.Curve.z85Decode(found.group(1));
    }

    /** Asks replay for all that is behind the cursor, and takes it in the log's order. True: it has all. */
    private boolean catchUp() throws IOException {
        try (ZMQ.Socket replay = connect(SocketType.DEALER, REPLAY)) {
            replay.setReceiveTimeOut(PATIENCE_MSEC);
            replay.send(ReplayRequest.newBuilder().setRequestId(1).setOpen(ReplayOpen.newBuilder()
                    .addAllTopics(topics).setEpoch(cursor.get("epoch")).setAfter(cursor.get("proven"))
                    .setCreditBytes(CREDIT_BYTES)).build().toByteArray());
            while (true) {
                byte[] bytes = replay.recv();
                if (bytes == null) {
                    System.err.println("no answer from " + REPLAY + ": is the daemon there, and does it know our key?");
                    return false;
                }
                ReplayReply frame = ReplayReply.parseFrom(bytes);
                if (frame.hasError()) {
                    return refused(frame);
                }
                cursor.set("epoch", frame.getEpoch());
                for (Entry entry : frame.getEntriesList()) {
                    cursor.move(entry.getTopic(), entry.getPrevSeq(), entry.getSeq());
                    take(entry);
                }
                cursor.set("proven", frame.getProvenSeq());
                cursor.save();
                if (frame.getDone()) {
                    return true;
                }
                replay.send(ReplayRequest.newBuilder().setRequestId(1)
                        .setCredit(ReplayCredit.newBuilder().setBytes(bytes.length)).build().toByteArray());
            }
        }
    }

    /** The feed's next heartbeat makes us ask again, unless it can't be mended so. */
    private boolean refused(ReplayReply frame) {
        switch (frame.getError().getCode()) {
            case wrong_epoch:
                System.err.println("the log is another one: all of it follows; know what you have by uri and version");
                cursor.reset(frame.getEpoch());
                return false;
            case busy:
                System.err.println("the daemon is busy: " + frame.getError().getMessage());
                return false;
            default:
                throw new IllegalStateException("the daemon refuses: " + frame.getError().getMessage());
        }
    }

    /** Is there more than we have? Heartbeats say each topic's head, so that a lost message is noticed. */
    private boolean news(String topic, FeedMessage message) {
        long epoch = cursor.get("epoch");
        long last = cursor.get("last." + topic);
        return message.getEntriesList().stream().anyMatch(e -> e.getEpoch() != epoch || e.getSeq() > last)
                || message.hasHeartbeat()
                && (message.getHeartbeat().getEpoch() != epoch || message.getHeartbeat().getHead() > last);
    }

    private void follow() throws IOException {
        ZMQ.Socket feed = connect(SocketType.SUB, FEED);
        for (String topic : topics.isEmpty() ? List.of("") : topics) {
            feed.subscribe(topic.getBytes(StandardCharsets.UTF_8));
        }
        catchUp();
        while (true) {
            String topic = new String(feed.recv(), StandardCharsets.UTF_8);
            FeedMessage message = FeedMessage.parseFrom(feed.recv());
            if (news(topic, message) && catchUp() && message.getHeartbeat().getEpoch() == cursor.get("epoch")) {
                long head = message.getHeartbeat().getHead();
                cursor.move(topic, head, head); // what replay did not have of this topic is gone
            }
        }
    }

    public static void main(String[] args) throws IOException {
        if (args.length < 1) {
            System.err.println("usage: Subscribe CURSOR_FILE [TOPIC...]");
            System.exit(64);
        }
        try (ZContext context = new ZContext()) {
            List<String> topics = List.of(args).subList(1, args.length);
            new Subscribe(context, new Cursor(Path.of(args[0])), topics).follow();
        }
    }
}
