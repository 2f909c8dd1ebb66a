// Follows a news wire: prints each article of the wanted topics, in order, none lost.
//
//	protoc -I PROTO_FOLDER --go_out=. --go_opt=Mnewswire.proto=subscribe/newswire newswire.proto
//	go build && ./subscribe CURSOR_FILE [TOPIC...]     # TOPIC: a prefix, such as briefs/
//
// NEWSWIRE_SERVER names the daemon's host, NEWSWIRE_KEY the file with this client's keys. Wants the modules
// github.com/pebbe/zmq4 and google.golang.org/protobuf. What an entry is worth is decided in take(); README.md beside
// this file explains the rest.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"regexp"
	"syscall"
	"time"

	zmq "github.com/pebbe/zmq4"
	"google.golang.org/protobuf/proto"

	nw "subscribe/newswire"
)

const (
	creditBytes = 1 << 20
	patience    = 10 * time.Second
)

func endpoint(variable string, port int) string {
	if given := os.Getenv(variable); given != "" {
		return given
	}
	host := os.Getenv("NEWSWIRE_SERVER")
	if host == "" {
		host = "127.0.0.1"
	}
	return fmt.Sprintf("tcp://%s:%d", host, port)
}

// Your work. It must be done, or safely stored, when this returns nil: the cursor moves on after it.
func take(entry *nw.Entry) error {
	if len(entry.Article) == 0 {
		return nil // the story was withdrawn since; its text is not served any more
	}
	var article nw.Article
	if err := proto.Unmarshal(entry.Article, &article); err != nil {
		return err
	}
	_, err := fmt.Printf("%d\t%s\t%s\t%d\t%s\t%s\n", entry.Seq, entry.Topic, entry.Uri, entry.Version,
		article.Status, article.Headline)
	return err
}

// How far we are: the log's life, the number up to which nothing is missing, each topic's last entry.
type cursor struct {
	file   string
	Epoch  uint64            `json:"epoch"`
	Proven uint64            `json:"proven"`
	Last   map[string]uint64 `json:"last"`
}

func openCursor(file string) (*cursor, error) {
	c := &cursor{file: file, Last: map[string]uint64{}}
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	return c, json.Unmarshal(text, c)
}

func (c *cursor) save() error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	next, err := os.Create(c.file + ".new")
	if err != nil {
		return err
	}
	defer next.Close()
	if _, err = next.Write(text); err != nil {
		return err
	}
	if err = next.Sync(); err != nil {
		return err
	}
	return os.Rename(c.file+".new", c.file)
}

// Notes the entry seq of a topic, and tells what retention took before we came for it.
func (c *cursor) move(topic string, prevSeq, seq uint64) {
	before := c.Last[topic]
	if prevSeq > before {
		log.Printf("lost: entries of %s after %d up to %d are kept no more", topic, before, prevSeq)
	}
	if seq > before {
		c.Last[topic] = seq
	}
}

var keyLine = regexp.MustCompile(`([a-z]+-key) = "(.{40})"`)

func connect(kind zmq.Type, where string) (*zmq.Socket, error) {
	socket, err := zmq.NewSocket(kind)
	if err != nil {
		return nil, err
	}
	socket.SetLinger(0)
	socket.SetSndhwm(0)                     // or libzmq forgets subscriptions beyond its high-water mark
	socket.SetHeartbeatIvl(5 * time.Second) // notices a connection that is dead
	if file := os.Getenv("NEWSWIRE_KEY"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		keys := map[string]string{}
		for _, match := range keyLine.FindAllStringSubmatch(string(text), -1) {
			keys[match[1]] = match[2]
		}
		if err := socket.ClientAuthCurve(keys["server-key"], keys["public-key"], keys["secret-key"]); err != nil {
			return nil, err
		}
	}
	return socket, socket.Connect(where)
}

func ask(replay *zmq.Socket, request *nw.ReplayRequest) error {
	bytes, err := proto.Marshal(request)
	if err == nil {
		_, err = replay.SendBytes(bytes, 0)
	}
	return err
}

// Asks replay for all that is behind the cursor, and takes it in the log's order. True: it has all; false: the feed's
// next heartbeat makes us ask again.
func catchUp(c *cursor, topics []string) (bool, error) {
	where := endpoint("NEWSWIRE_REPLAY", 5561)
	replay, err := connect(zmq.DEALER, where)
	if err != nil {
		return false, err
	}
	defer replay.Close()
	replay.SetRcvtimeo(patience)
	err = ask(replay, &nw.ReplayRequest{RequestId: 1, What: &nw.ReplayRequest_Open{Open: &nw.ReplayOpen{
		Topics: topics, Epoch: c.Epoch, After: c.Proven, CreditBytes: creditBytes}}})
	for err == nil {
		var frame nw.ReplayReply
		bytes, failed := replay.RecvBytes(0)
		if zmq.AsErrno(failed) == zmq.Errno(syscall.EAGAIN) {
			log.Printf("no answer from %s: is the daemon there, and does it know our key?", where)
			return false, nil
		}
		if failed != nil {
			return false, failed
		}
		if err = proto.Unmarshal(bytes, &frame); err != nil {
			return false, err
		}
		if frame.Error != nil {
			return false, refused(c, &frame)
		}
		c.Epoch = frame.Epoch
		for _, entry := range frame.Entries {
			c.move(entry.Topic, entry.PrevSeq, entry.Seq)
			if err = take(entry); err != nil {
				return false, err
			}
		}
		c.Proven = frame.ProvenSeq
		if err = c.save(); err != nil || frame.Done {
			return err == nil, err
		}
		err = ask(replay, &nw.ReplayRequest{RequestId: 1, What: &nw.ReplayRequest_Credit{
			Credit: &nw.ReplayCredit{Bytes: uint64(len(bytes))}}})
	}
	return false, err
}

// Nil when it is worth to ask again.
func refused(c *cursor, frame *nw.ReplayReply) error {
	switch frame.Error.Code {
	case nw.Error_wrong_epoch:
		log.Print("the log is another one: all of it follows; know what you have by uri and version")
		c.Epoch, c.Proven, c.Last = frame.Epoch, 0, map[string]uint64{}
		return nil
	case nw.Error_busy:
		log.Printf("the daemon is busy: %s", frame.Error.Message)
		return nil
	}
	return fmt.Errorf("the daemon refuses: %s", frame.Error.Message)
}

// Is there more than we have? Heartbeats say each topic's head, so that a lost message is noticed.
func news(c *cursor, topic string, message *nw.FeedMessage) bool {
	last := c.Last[topic]
	for _, entry := range message.Entries {
		if entry.Epoch != c.Epoch || entry.Seq > last {
			return true
		}
	}
	beat := message.Heartbeat
	return beat != nil && (beat.Epoch != c.Epoch || beat.Head > last)
}

func follow(c *cursor, topics []string) error {
	feed, err := connect(zmq.SUB, endpoint("NEWSWIRE_FEED", 5560))
	if err != nil {
		return err
	}
	defer feed.Close()
	for _, topic := range topics {
		if err := feed.SetSubscribe(topic); err != nil {
			return err
		}
	}
	if len(topics) == 0 {
		feed.SetSubscribe("")
	}
	if _, err := catchUp(c, topics); err != nil {
		return err
	}
	for {
		frames, err := feed.RecvMessageBytes(0)
		if err != nil {
			return err
		}
		topic, message := string(frames[0]), &nw.FeedMessage{}
		if err := proto.Unmarshal(frames[1], message); err != nil {
			return err
		}
		if !news(c, topic, message) {
			continue
		}
		all, err := catchUp(c, topics)
		if err != nil {
			return err
		}
		if beat := message.Heartbeat; all && beat != nil && beat.Epoch == c.Epoch {
			c.move(topic, beat.Head, beat.Head) // what replay did not have of this topic is gone
		}
	}
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: subscribe CURSOR_FILE [TOPIC...]")
	}
	c, err := openCursor(os.Args[1])
	if err == nil {
		err = follow(c, os.Args[2:])
	}
	log.Fatal(err)
}
