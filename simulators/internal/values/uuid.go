package values

import (
	"math/rand/v2"

	"github.com/google/uuid"
)

// UUID draws a version 4 UUID from a seeded generator, so that a simulator's ids are the same for the same requests.
func UUID(random *rand.Rand) string {
	var id uuid.UUID
	high, low := random.Uint64(), random.Uint64()
	for i := range 8 {
		id[i], id[i+8] = byte(high>>(8*i)), byte(low>>(8*i))
	}
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}
