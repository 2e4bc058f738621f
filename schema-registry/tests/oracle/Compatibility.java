import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaCompatibility.Incompatibility;

/**
 * Reads pairs from standard input, {"reader", "writer"} a line, and adds to each what Java's
 * SchemaCompatibility says: "java": [[kind, location, message], ...], empty where it finds the
 * pair compatible; or "error" where it gives up.
 */
public final class Compatibility {
  private Compatibility() {
  }

  public static void main(String[] args) throws Exception {
    ObjectMapper mapper = new ObjectMapper();
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      ObjectNode pair = (ObjectNode) mapper.readTree(line);
      try {
        Schema reader = parse(pair.get("reader"));
        Schema writer = parse(pair.get("writer"));
        ArrayNode found = mapper.createArrayNode();
        for (Incompatibility one : SchemaCompatibility
            .checkReaderWriterCompatibility(reader, writer).getResult().getIncompatibilities()) {
          found.addArray().add(one.getType().name()).add(one.getLocation()).add(one.getMessage());
        }
        pair.set("java", found);
      } catch (RuntimeException | StackOverflowError refused) {
        pair.put("error", String.valueOf(refused.getMessage()));
      }
      out.println(mapper.writeValueAsString(pair));
    }
    out.flush();
  }

  private static Schema parse(JsonNode text) {
    return new Schema.Parser().parse(text.textValue());
  }
}
