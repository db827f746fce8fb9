// Prints what compress/flate writes for the files of a folder when it is flushed: `go run flushes.go FOLDER > flushes.tsv`.
package main

import (
	"bytes"
	"compress/flate"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
)

// Bytes between flushes, over and over.
var plans = map[string][]int{
	"short": {1, 16, 17, 127, 128, 1000, 5000, 70000, 3, 0, 40000, 4},
	"slide": {65274, 1, 32767, 262, 65535, 5, 65278, 98304},
}

func main() {
	files, _ := filepath.Glob(os.Args[1] + "/*")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			panic(err)
		}
		for _, plan := range []string{"short", "slide"} {
			for _, level := range []int{-2, 0, 1, 2, 3, 4, 6, 9} {
				var out bytes.Buffer
				w, _ := flate.NewWriter(&out, level)
				for rest, turn := data, 0; len(rest) > 0; turn++ {
					n := plans[plan][turn%len(plans[plan])]
					if n > len(rest) {
						n = len(rest)
					}
					for now := rest[:n]; len(now) > 0; {
						m := 32 << 10
						if m > len(now) {
							m = len(now)
						}
						w.Write(now[:m])
						now = now[m:]
					}
					rest = rest[n:]
					w.Flush()
				}
				w.Close()
				fmt.Printf("%s\t%s\t%d\t%d\t%08x\n", filepath.Base(file), plan, level, out.Len(), crc32.ChecksumIEEE(out.Bytes()))
			}
		}
	}
}
