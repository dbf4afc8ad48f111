// SPDX-License-Identifier: Apache-2.0

// The core of Centrifugo with as little around it as its manual needs: JSON over WebSocket, no history, no
// presence, no acknowledgements; node.Publish for every message.
//
//	centrifuge PORT RATE BURST PAYLOAD_BYTES ROOMS
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/centrifugal/centrifuge"
	"golang.org/x/sys/unix"
)

const firstPos = 1000000000 // ten digits from the start, as the floor's

type options struct {
	port, burst, payload, rooms int
	rate                        float64
}

func fail(code int, format string, values ...any) {
	fmt.Fprintf(os.Stderr, "centrifuge: "+format+"\n", values...)
	os.Exit(code)
}

func parse() (o options) {
	if len(os.Args) != 6 {
		fail(2, "usage: PORT RATE BURST PAYLOAD_BYTES ROOMS")
	}
	for i, to := range map[int]*int{1: &o.port, 3: &o.burst, 4: &o.payload, 5: &o.rooms} {
		value, err := strconv.Atoi(os.Args[i])
		if err != nil {
			fail(2, "%v", err)
		}
		*to = value
	}
	rate, err := strconv.ParseFloat(os.Args[2], 64)
	if err != nil || rate < 0 || o.burst < 1 || o.payload < 40 || o.rooms < 1 {
		fail(2, "RATE is at least 0, BURST and ROOMS 1, PAYLOAD_BYTES 40")
	}
	o.rate = rate
	return o
}

// The clock of every program here: CLOCK_MONOTONIC, which time.Time does not show.
func now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		fail(5, "%v", err)
	}
	return ts.Nano()
}

// The floor's message: its data is of o.payload bytes. Rooms take turns, and each has positions of its own.
func message(o options, idx int, dueNs int64) (string, []byte) {
	room := fmt.Sprintf("ticker-S%d", idx%o.rooms)
	pos := firstPos + idx/o.rooms
	data := fmt.Sprintf(`{"t_ns":%d,"x":"`, dueNs)
	data += strings.Repeat("x", o.payload-len(data)-2) + `"}`
	return room, fmt.Appendf(nil, `{"event":"ticker-update","room":"%s","pos":%d,"prev":%d,"ts":1723075200150,"data":%s}`,
		room, pos, pos-1, data)
}

// Publishes at absolute times; a burst that is late goes at once and keeps its intended time.
func run(o options, node *centrifuge.Node) {
	stepNs := 1e9 * float64(o.burst) / o.rate
	startNs := now() + int64(stepNs)
	for burst := 0; ; burst++ {
		dueNs := startNs + int64(stepNs*float64(burst))
		time.Sleep(time.Duration(dueNs - now()))
		for i := range o.burst {
			room, text := message(o, burst*o.burst+i, dueNs)
			if _, err := node.Publish(room, text); err != nil {
				fail(5, "%v", err)
			}
		}
	}
}

func newNode() *centrifuge.Node {
	node, err := centrifuge.New(centrifuge.Config{ClientChannelLimit: 10000})
	if err != nil {
		fail(5, "%v", err)
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{Credentials: &centrifuge.Credentials{}}, nil
	})
	node.OnConnect(func(client *centrifuge.Client) {
		client.OnSubscribe(func(_ centrifuge.SubscribeEvent, reply centrifuge.SubscribeCallback) {
			reply(centrifuge.SubscribeReply{}, nil)
		})
	})
	if err := node.Run(); err != nil {
		fail(5, "%v", err)
	}
	return node
}

func main() {
	o := parse()
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, syscall.SIGTERM, syscall.SIGINT)
	node := newNode()
	http.Handle("/connection/websocket", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		UseWriteBufferPool: true,
	}))
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", o.port)) // Go sets TCP_NODELAY
	if err != nil {
		fail(3, "%v", err)
	}
	go func() { fail(5, "%v", http.Serve(listener, nil)) }()
	fmt.Printf("ready %d\n", os.Getpid())
	if o.rate > 0 {
		go run(o, node)
	}
	<-ends
}
