import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.apicurio.registry.resolver.ParsedSchema;
import io.apicurio.registry.resolver.ParsedSchemaImpl;
import io.apicurio.registry.resolver.SchemaLookupResult;
import io.apicurio.registry.resolver.SchemaParser;
import io.apicurio.registry.resolver.SchemaResolver;
import io.apicurio.registry.resolver.data.Record;
import io.apicurio.registry.resolver.strategy.ArtifactReference;
import io.apicurio.registry.resolver.strategy.ArtifactReferenceResolverStrategy;
import io.apicurio.registry.rest.client.RegistryClient;
import io.apicurio.registry.serde.avro.AvroKafkaDeserializer;
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;

/**
 * Apicurio's Avro serde with Confluent's wire format. Apicurio's own client speaks Apicurio's
 * API alone, so the serde is given a resolver that asks a registry by Confluent's.
 *
 *   java Serde REGISTRY TOPIC write COUNT   prints records in hex, a line each
 *   java Serde REGISTRY TOPIC read          reads such lines, prints the records
 */
public final class Serde {
  private static final String SCHEMA = "{\"type\":\"record\",\"name\":\"Order\","
      + "\"namespace\":\"shop\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"},"
      + "{\"name\":\"name\",\"type\":[\"null\",\"string\"],\"default\":null}]}";

  private Serde() {
  }

  public static void main(String[] args) throws Exception {
    Map<String, Object> config = Map.of(
        "apicurio.registry.schema-resolver", Resolver.class.getName(),
        "apicurio.registry.url", args[0],
        "apicurio.registry.as-confluent", true,
        "apicurio.registry.headers.enabled", false);
    String topic = args[1];
    if (args[2].equals("write")) {
      AvroKafkaSerializer<GenericRecord> serializer = new AvroKafkaSerializer<>();
      serializer.configure(config, false);
      Schema schema = new Schema.Parser().parse(SCHEMA);
      for (long id = 0; id < Long.parseLong(args[3]); id++) {
        GenericRecord order = new GenericData.Record(schema);
        order.put("id", id);
        order.put("name", id % 3 == 0 ? null : "order " + id);
        System.out.println(HexFormat.of().formatHex(serializer.serialize(topic, order)));
      }
    } else {
      AvroKafkaDeserializer<GenericRecord> deserializer = new AvroKafkaDeserializer<>();
      deserializer.configure(config, false);
      BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        GenericRecord order = deserializer.deserialize(topic, HexFormat.of().parseHex(line));
        System.out.println(order.get("id") + " " + order.get("name"));
      }
    }
  }

  /** Registers and finds schemas by Confluent's REST. */
  public static final class Resolver implements SchemaResolver<Schema, GenericRecord> {
    private final HttpClient http = HttpClient.newHttpClient();
    private final ObjectMapper mapper = new ObjectMapper();
    private String registry;
    private SchemaParser<Schema, GenericRecord> parser;

    @Override
    public void configure(Map<String, ?> config, SchemaParser<Schema, GenericRecord> parser) {
      this.registry = (String) config.get("apicurio.registry.url");
      this.parser = parser;
    }

    @Override
    public SchemaLookupResult<Schema> resolveSchema(Record<GenericRecord> data) {
      ParsedSchema<Schema> schema = parser.getSchemaFromData(data);
      String text = schema.getParsedSchema().toString();
      String body = mapper.createObjectNode().put("schema", text).toString();
      JsonNode answer = ask("/subjects/apicurio-value/versions",
          HttpRequest.newBuilder().POST(HttpRequest.BodyPublishers.ofString(body)));
      return result(schema, answer.get("id").longValue());
    }

    @Override
    public SchemaLookupResult<Schema> resolveSchemaByArtifactReference(ArtifactReference of) {
      long id = of.getContentId() != null ? of.getContentId() : of.getGlobalId();
      String text = ask("/schemas/ids/" + id, HttpRequest.newBuilder().GET()).get("schema").asText();
      byte[] raw = text.getBytes(StandardCharsets.UTF_8);
      Schema schema = parser.parseSchema(raw, Map.of());
      return result(new ParsedSchemaImpl<Schema>().setParsedSchema(schema).setRawSchema(raw), id);
    }

    private SchemaLookupResult<Schema> result(ParsedSchema<Schema> schema, long id) {
      return SchemaLookupResult.<Schema>builder().parsedSchema(schema).contentId(id).globalId(id)
          .build();
    }

    private JsonNode ask(String path, HttpRequest.Builder request) {
      try {
        HttpResponse<String> answer = http.send(
            request.uri(URI.create(registry + path))
                .header("Content-Type", "application/vnd.schemaregistry.v1+json").build(),
            HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
          throw new IllegalStateException(answer.body());
        }
        return mapper.readTree(answer.body());
      } catch (java.io.IOException | InterruptedException failed) {
        throw new IllegalStateException(failed);
      }
    }

    @Override
    public SchemaParser<Schema, GenericRecord> getSchemaParser() {
      return parser;
    }

    @Override
    public void setClient(RegistryClient client) {
    }

    @Override
    public void setArtifactResolverStrategy(
        ArtifactReferenceResolverStrategy<Schema, GenericRecord> strategy) {
    }

    @Override
    public void reset() {
    }

    @Override
    public void close() {
    }
  }
}
