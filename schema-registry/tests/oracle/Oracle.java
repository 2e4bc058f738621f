import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaCompatibility.Incompatibility;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

/**
 * Answers questions with Java's Avro library, one line of JSON for each:
 * {"schema"}: what it prints, its forms and fingerprints;
 * {"reader", "writer"}: every incompatibility;
 * {"reader", "writer", "seed"}: a datum of the writer's schema, its value, and its value as the
 * reader's schema sees it;
 * {"writer", "datum"}: the value of a datum, and the datum again.
 * An answer has "error" where it gives up.
 */
public final class Oracle {
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final HexFormat HEX = HexFormat.of();

  private Oracle() {
  }

  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonNode question = MAPPER.readTree(line);
      ObjectNode answer = MAPPER.createObjectNode();
      try {
        answer(question, answer);
      } catch (Exception | StackOverflowError refused) {
        answer.put("error", String.valueOf(refused.getMessage()));
      }
      out.println(MAPPER.writeValueAsString(answer));
    }
    out.flush();
  }

  private static void answer(JsonNode question, ObjectNode answer) throws Exception {
    if (question.has("schema")) {
      schema(parse(question.get("schema")), answer);
      return;
    }
    Schema writer = parse(question.get("writer"));
    if (question.has("datum")) {
      Object value = read(writer, writer, HEX.parseHex(question.get("datum").textValue()));
      answer.set("value", plain(writer, value));
      answer.put("datum", HEX.formatHex(write(writer, value)));
    } else if (question.has("seed")) {
      byte[] datum = write(writer, made(writer, new Random(question.get("seed").longValue())));
      answer.put("datum", HEX.formatHex(datum));
      answer.set("value", plain(writer, read(writer, writer, datum)));
      Schema reader = parse(question.get("reader"));
      answer.set("resolved", plain(reader, read(writer, reader, datum)));
    } else {
      ArrayNode found = MAPPER.createArrayNode();
      for (Incompatibility one : SchemaCompatibility
          .checkReaderWriterCompatibility(parse(question.get("reader")), writer).getResult()
          .getIncompatibilities()) {
        found.addArray().add(one.getType().name()).add(one.getLocation()).add(one.getMessage());
      }
      answer.set("java", found);
    }
  }

  private static Schema parse(JsonNode text) {
    return new Schema.Parser().parse(text.textValue());
  }

  private static void schema(Schema schema, ObjectNode answer) throws Exception {
    answer.put("text", schema.toString());
    answer.put("canonical", SchemaNormalization.toParsingForm(schema));
    answer.put("fingerprint",
        Long.toUnsignedString(SchemaNormalization.parsingFingerprint64(schema), 16));
    answer.put("sha256",
        HEX.formatHex(SchemaNormalization.parsingFingerprint("SHA-256", schema)));
    answer.put("md5", HEX.formatHex(SchemaNormalization.parsingFingerprint("MD5", schema)));
  }

  private static byte[] write(Schema schema, Object value) throws Exception {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
    new GenericDatumWriter<>(schema).write(value, encoder);
    encoder.flush();
    return bytes.toByteArray();
  }

  private static Object read(Schema writer, Schema reader, byte[] datum) throws Exception {
    var decoder = DecoderFactory.get().binaryDecoder(datum, null);
    Object value = new GenericDatumReader<>(writer, reader, new Lists()).read(null, decoder);
    if (!decoder.isEnd()) {
      throw new IllegalStateException("bytes are left over");
    }
    return value;
  }

  /** The arrays of Avro 1.12 keep doubles as floats. */
  private static final class Lists extends GenericData {
    @Override
    public Object newArray(Object old, int size, Schema schema) {
      return new ArrayList<>(size);
    }
  }

  /** Some value of a schema that does not hold itself. */
  private static Object made(Schema schema, Random dice) {
    switch (schema.getType()) {
      case NULL:
        return null;
      case BOOLEAN:
        return dice.nextBoolean();
      case INT:
        return dice.nextInt() >> dice.nextInt(32);
      case LONG:
        return dice.nextLong() >> dice.nextInt(64);
      case FLOAT:
        return (float) dice.nextGaussian();
      case DOUBLE:
        return dice.nextInt(4) == 0 ? Double.NaN : dice.nextGaussian() * 1e9;
      case BYTES:
        // ASCII, since a reader may take them for a text.
        return ByteBuffer.wrap(text(dice).getBytes(StandardCharsets.UTF_8));
      case STRING:
        return text(dice);
      case FIXED:
        byte[] bytes = new byte[schema.getFixedSize()];
        dice.nextBytes(bytes);
        return new GenericData.Fixed(schema, bytes);
      case ENUM:
        List<String> symbols = schema.getEnumSymbols();
        return new GenericData.EnumSymbol(schema, symbols.get(dice.nextInt(symbols.size())));
      case ARRAY:
        List<Object> items = new ArrayList<>();
        for (int left = dice.nextInt(4); left > 0; left--) {
          items.add(made(schema.getElementType(), dice));
        }
        return items;
      case MAP:
        Map<String, Object> entries = new LinkedHashMap<>();
        for (int left = dice.nextInt(4); left > 0; left--) {
          entries.put(text(dice) + left, made(schema.getValueType(), dice));
        }
        return entries;
      case UNION:
        return made(schema.getTypes().get(dice.nextInt(schema.getTypes().size())), dice);
      default:
        GenericData.Record record = new GenericData.Record(schema);
        for (Schema.Field field : schema.getFields()) {
          record.put(field.pos(), made(field.schema(), dice));
        }
        return record;
    }
  }

  private static String text(Random dice) {
    return "täxt \u00fc\ud83d\ude00".substring(0, dice.nextInt(7)) + dice.nextInt(100);
  }

  /** A value in words that do not hang on a library: numbers of floats by their bits. */
  private static JsonNode plain(Schema schema, Object value) {
    if (schema.getType() == Schema.Type.UNION) {
      int branch = new GenericData().resolveUnion(schema, value);
      return plain(schema.getTypes().get(branch), value);
    }
    if (value == null) {
      return MAPPER.nullNode();
    }
    switch (schema.getType()) {
      case BOOLEAN:
        return MAPPER.valueToTree(value);
      case INT:
      case LONG:
        return MAPPER.getNodeFactory().numberNode(((Number) value).longValue());
      case FLOAT:
      case DOUBLE:
        double number = ((Number) value).doubleValue();
        return MAPPER.getNodeFactory()
            .textNode("f" + Long.toHexString(Double.doubleToLongBits(number)));
      case BYTES:
        ByteBuffer buffer = ((ByteBuffer) value).duplicate();
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return MAPPER.getNodeFactory().textNode("x" + HEX.formatHex(bytes));
      case FIXED:
        return MAPPER.getNodeFactory()
            .textNode("x" + HEX.formatHex(((GenericFixed) value).bytes()));
      case STRING:
      case ENUM:
        return MAPPER.getNodeFactory().textNode("t" + value);
      case ARRAY:
        ArrayNode items = MAPPER.createArrayNode();
        ((Iterable<?>) value).forEach(item -> items.add(plain(schema.getElementType(), item)));
        return items;
      case MAP:
        Map<String, JsonNode> sorted = new TreeMap<>();
        ((Map<?, ?>) value).forEach(
            (key, item) -> sorted.put(key.toString(), plain(schema.getValueType(), item)));
        return MAPPER.valueToTree(sorted);
      default:
        ObjectNode fields = MAPPER.createObjectNode();
        for (Schema.Field field : schema.getFields()) {
          fields.set(field.name(),
              plain(field.schema(), ((IndexedRecord) value).get(field.pos())));
        }
        return fields;
    }
  }
}
