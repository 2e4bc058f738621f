import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;

/**
 * Reads schemas from standard input, one JSON string a line, and answers for each one line of
 * JSON: {"schema", "text", "canonical", "fingerprint"}, or {"schema", "error"} where Java's
 * parser refuses it.
 */
public final class Canonical {
  private Canonical() {
  }

  public static void main(String[] args) throws Exception {
    ObjectMapper mapper = new ObjectMapper();
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String given = mapper.readTree(line).textValue();
      ObjectNode answer = mapper.createObjectNode().put("schema", given);
      try {
        Schema schema = new Schema.Parser().parse(given);
        answer.put("text", schema.toString());
        answer.put("canonical", SchemaNormalization.toParsingForm(schema));
        answer.put("fingerprint",
            Long.toUnsignedString(SchemaNormalization.parsingFingerprint64(schema), 16));
      } catch (RuntimeException | StackOverflowError refused) {
        answer.put("error", String.valueOf(refused.getMessage()));
      }
      out.println(mapper.writeValueAsString(answer));
    }
    out.flush();
  }
}
