// What the programs of this folder have in common: compressing standard input in writes and flushes as told.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"math/rand"
	"os"
	"strconv"
	"strings"
)

type writer interface {
	io.WriteCloser
	Flush() error
}

// Writes what a writer of open makes of standard input; flags of the program's own have to be there by then.
func compress(open func(out io.Writer, level int) writer) {
	level := flag.Int("l", -1, "level")
	size := flag.Int("w", 1<<16, "bytes of a write; 0 for random ones")
	var between []int
	flag.Func("f", "bytes between flushes, over and over, as 10,20,30", func(text string) error {
		for _, word := range strings.Split(text, ",") {
			n, err := strconv.Atoi(word)
			if err != nil {
				return err
			}
			between = append(between, n)
		}
		return nil
	})
	flag.Parse()
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	w := open(out, *level)
	data, err := io.ReadAll(os.Stdin)
	check(err)
	random := rand.New(rand.NewSource(int64(len(data))))
	for turn := 0; len(data) > 0; turn++ {
		now := data
		if len(between) > 0 && between[turn%len(between)] < len(data) {
			now = data[:between[turn%len(between)]]
		}
		data = data[len(now):]
		for len(now) > 0 {
			n := *size
			if n == 0 {
				n = random.Intn(2 << random.Intn(18))
			}
			if n > len(now) {
				n = len(now)
			}
			_, err := w.Write(now[:n])
			check(err)
			now = now[n:]
		}
		if len(between) > 0 {
			check(w.Flush())
		}
	}
	check(w.Close())
	check(out.Flush())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
