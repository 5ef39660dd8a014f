// go_pool PORT THREADS: net/http, and so many goroutines that do what blocks, each on a thread of its
// own, behind a channel.
package main

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"
)

const spinSteps = 100000

var spun uint64 // what is computed is used, so that it is computed

// The same steps as bench/peers/spin/spin.h.
func spin() uint64 {
	x := uint64(88172645463325252)
	for i := 0; i < spinSteps; i++ {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}

type call struct {
	work func()
	done chan struct{}
}

func poolThread(calls <-chan call) {
	runtime.LockOSThread() // as a library that blocks would need it
	for c := range calls {
		c.work()
		c.done <- struct{}{}
	}
}

func ok(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain")
	w.Write([]byte("ok"))
}

func sleepTime(r *http.Request) (time.Duration, error) {
	if ms := r.URL.Query().Get("ms"); ms != "" {
		return time.ParseDuration(ms + "ms")
	}
	return time.ParseDuration(r.URL.Query().Get("seconds") + "s")
}

func main() {
	threads, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	calls := make(chan call, 1024)
	for i := 0; i < threads; i++ {
		go poolThread(calls)
	}
	offload := func(w http.ResponseWriter, work func()) {
		c := call{work, make(chan struct{}, 1)}
		calls <- c
		<-c.done
		ok(w)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/livez", func(w http.ResponseWriter, r *http.Request) { ok(w) })
	mux.HandleFunc("/noop", func(w http.ResponseWriter, r *http.Request) { offload(w, func() {}) })
	mux.HandleFunc("/spin", func(w http.ResponseWriter, r *http.Request) {
		offload(w, func() { atomic.AddUint64(&spun, spin()) })
	})
	mux.HandleFunc("/sleep", func(w http.ResponseWriter, r *http.Request) {
		duration, err := sleepTime(r)
		if err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		offload(w, func() { time.Sleep(duration) })
	})
	fmt.Fprintln(os.Stderr, http.ListenAndServe("127.0.0.1:"+os.Args[1], mux))
	os.Exit(1)
}
