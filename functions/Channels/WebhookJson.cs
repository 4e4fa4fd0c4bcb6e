using System.Text.Json;
using System.Text.Json.Serialization;
using Selvedge.Channels;

namespace Selvedge.Functions.Channels;

/// <summary>Source-generated serialization of the webhooks' answer.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(WebhookAnswer))]
internal sealed partial class WebhookJson : JsonSerializerContext;
