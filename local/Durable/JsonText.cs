using System.Text.Json;

namespace Selvedge.Local.Durable;

/// <summary>Values as JSON the way the Functions worker's serializer writes them: names as they are, read whatever their case.</summary>
internal sealed class JsonText : DataConverter
{
    /// <summary>The one there is.</summary>
    public static readonly JsonText Converter = new();

    private static readonly JsonSerializerOptions Options = new() { PropertyNameCaseInsensitive = true };

    private JsonText() { }

    public override string? Serialize(object? value) => value is null ? null : JsonSerializer.Serialize(value, value.GetType(), Options);

    public override object? Deserialize(string? data, Type targetType) => data is null ? null : JsonSerializer.Deserialize(data, targetType, Options);
}
