// Compresses standard input with Go's compress/flate, for comparison and for recording golden streams.
package main

import (
	"bufio"
	"compress/flate"
	"flag"
	"fmt"
	"io"
	"math/rand"
	"os"
)

func main() {
	level := flag.Int("l", -1, "level")
	size := flag.Int("w", 1<<16, "bytes of a write; 0 for random ones")
	flag.Parse()
	out := bufio.NewWriterSize(os.Stdout, 1<<16)
	w, err := flate.NewWriter(out, *level)
	check(err)
	data, err := io.ReadAll(os.Stdin)
	check(err)
	random := rand.New(rand.NewSource(int64(len(data))))
	for len(data) > 0 {
		n := *size
		if n == 0 {
			n = random.Intn(2 << random.Intn(18))
		}
		if n > len(data) {
			n = len(data)
		}
		_, err := w.Write(data[:n])
		check(err)
		data = data[n:]
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
