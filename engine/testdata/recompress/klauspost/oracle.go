// Compresses standard input with klauspost's packages, for comparison and for recording golden streams.
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

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/pgzip"
)

func main() {
	part := flag.Int("b", 0, "bytes of a pgzip block; 0 for one raw deflate stream")
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
	var w writer
	if *part == 0 {
		f, err := flate.NewWriter(out, *level)
		check(err)
		w = f
	} else {
		p, err := pgzip.NewWriterLevel(out, *level)
		check(err)
		check(p.SetConcurrency(*part, 2))
		w = p
	}
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

type writer interface {
	io.WriteCloser
	Flush() error
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
