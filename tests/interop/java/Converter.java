import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apicurio.registry.utils.converter.AvroConverter;
import org.apache.kafka.connect.data.Date;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Time;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.json.JsonConverter;

/**
 * Apicurio's AvroConverter for Kafka Connect, which is Confluent's in another package, with the
 * resolver of Serde.java: rows become Avro in Confluent's wire format through a registry.
 *
 *   java Converter REGISTRY [KEY=VALUE ...]
 *
 * Reads what Connect's JsonConverter writes with schemas, a row a line; or records in hex. Prints
 * for each {"hex": ..., "back": ...}: the record, and what the converter makes of it when it reads
 * it, as JsonConverter writes that; or {"error": ...}. KEY=VALUE configures the AvroConverter.
 */
public final class Converter {
  private static final String TOPIC = "matrix";

  private final ObjectMapper mapper = new ObjectMapper();
  private final JsonConverter json = new JsonConverter();
  private final AvroConverter<Object> avro = new AvroConverter<>();

  private Converter(String[] args) {
    // Nulls stay nulls, so that what is seen is the other converter's work.
    json.configure(Map.of("schemas.enable", true, "replace.null.with.default", false,
        "schemas.cache.size", 10_000), false);
    Map<String, Object> config = new HashMap<>(Map.of(
        "apicurio.registry.schema-resolver", Serde.Resolver.class.getName(),
        "apicurio.registry.url", args[0],
        "apicurio.registry.as-confluent", true,
        "apicurio.registry.headers.enabled", false));
    for (int at = 1; at < args.length; at++) {
      String[] pair = args[at].split("=", 2);
      config.put(pair[0], pair[1]);
    }
    avro.configure(config, false);
  }

  public static void main(String[] args) throws Exception {
    Converter converter = new Converter(args);
    BufferedReader in = new BufferedReader(
        new InputStreamReader(System.in, StandardCharsets.UTF_8));
    PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      out.println(converter.answer(line));
    }
    out.flush();
  }

  private ObjectNode answer(String line) throws Exception {
    ObjectNode answer = mapper.createObjectNode();
    try {
      byte[] record;
      if (line.startsWith("{")) {
        JsonNode row = mapper.readTree(line);
        Schema schema = json.asConnectSchema(withSpecials(row.get("schema")));
        record = avro.fromConnectData(TOPIC, schema, value(schema, row.get("payload")));
      } else {
        record = HexFormat.of().parseHex(line);
      }
      answer.put("hex", HexFormat.of().formatHex(record));
      SchemaAndValue read = avro.toConnectData(TOPIC, record);
      byte[] back = json.fromConnectData(TOPIC, read.schema(), read.value());
      answer.set("back", mapper.readTree(back));
    } catch (RuntimeException | StackOverflowError | OutOfMemoryError refused) {
      answer.put("error", refused.toString());
    }
    return answer;
  }

  /** JsonConverter writes NaN and infinities as texts, and reads texts as 0. */
  private static JsonNode withSpecials(JsonNode schema) {
    if (schema instanceof ObjectNode object) {
      boolean isFloat = Set.of("float", "double").contains(object.path("type").asText());
      if (isFloat && object.path("default").isTextual()) {
        object.put("default", Double.parseDouble(object.get("default").textValue()));
      }
    }
    schema.forEach(Converter::withSpecials);
    return schema;
  }

  /** A value in JsonConverter's form, with NaN and infinities. */
  private static Object value(Schema schema, JsonNode node) throws Exception {
    if (node.isNull()) {
      return null;
    }
    switch (schema.name() == null ? "" : schema.name()) {
      case Decimal.LOGICAL_NAME:
        int scale = Integer.parseInt(schema.parameters().get(Decimal.SCALE_FIELD));
        return new BigDecimal(new BigInteger(node.binaryValue()), scale);
      case Date.LOGICAL_NAME:
        return Date.toLogical(schema, node.intValue());
      case Time.LOGICAL_NAME:
        return Time.toLogical(schema, node.intValue());
      case Timestamp.LOGICAL_NAME:
        return Timestamp.toLogical(schema, node.longValue());
      default:
        return plain(schema, node);
    }
  }

  private static Object plain(Schema schema, JsonNode node) throws Exception {
    switch (schema.type()) {
      case BOOLEAN:
        return node.booleanValue();
      case INT8:
        return (byte) node.intValue();
      case INT16:
        return node.shortValue();
      case INT32:
        return node.intValue();
      case INT64:
        return node.longValue();
      case FLOAT32:
        return node.isTextual() ? Float.valueOf(node.textValue()) : node.floatValue();
      case FLOAT64:
        return node.isTextual() ? Double.valueOf(node.textValue()) : node.doubleValue();
      case STRING:
        return node.textValue();
      case BYTES:
        return ByteBuffer.wrap(node.binaryValue());
      case ARRAY:
        List<Object> list = new ArrayList<>();
        for (JsonNode element : node) {
          list.add(value(schema.valueSchema(), element));
        }
        return list;
      case MAP:
        Map<Object, Object> map = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> entry : node.properties()) {
          map.put(entry.getKey(), value(schema.valueSchema(), entry.getValue()));
        }
        if (node.isArray()) {
          for (JsonNode entry : node) {
            map.put(value(schema.keySchema(), entry.get(0)),
                value(schema.valueSchema(), entry.get(1)));
          }
        }
        return map;
      case STRUCT:
        Struct struct = new Struct(schema);
        for (Field field : schema.fields()) {
          struct.put(field, value(field.schema(), node.get(field.name())));
        }
        return struct;
      default:
        throw new IllegalArgumentException(schema.type().toString());
    }
  }
}
