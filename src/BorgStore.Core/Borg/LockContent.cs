using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace BorgStore.Borg;

/// <summary>The value of a lock: JSON with its kind, its owner and the time when it was written.</summary>
/// <param name="IsExclusive">Whether it admits no other lock.</param>
/// <param name="HostId">The host of its owner.</param>
/// <param name="ProcessId">The process of its owner.</param>
/// <param name="ThreadId">The thread of its owner.</param>
/// <param name="Time">When it was written (UTC).</param>
internal sealed record LockContent(bool IsExclusive, string HostId, int ProcessId, long ThreadId, DateTime Time)
{
    /// <summary>The size up to which a value is read; Borg writes about 200 bytes.</summary>
    public const int MaxSize = 4096;

    private static ReadOnlySpan<byte> Start => "{\"exclusive\""u8;

    /// <summary>Parses a value.</summary>
    /// <param name="value">The value.</param>
    /// <returns>The content, or <see langword="null"/> if it is encrypted or not a lock.</returns>
    public static LockContent? Parse(ReadOnlyMemory<byte> value)
    {
        // Since 2.0.0b25, Borg writes an envelope of its key in front. In an unencrypted repository it only authenticates the JSON after it.
        var start = value.Span.IndexOf(Start);
        if (start < 0) return null;
        try
        {
            using var document = JsonDocument.Parse(value[start..]);
            var fields = document.RootElement;
            return new(fields.GetProperty("exclusive").GetBoolean(), fields.GetProperty("hostid").GetString() ?? "",
                fields.GetProperty("processid").GetInt32(), fields.GetProperty("threadid").GetInt64(),
                DateTimeOffset.Parse(fields.GetProperty("time").GetString() ?? "", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal).UtcDateTime);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    /// <summary>Returns the value, as Borg before 2.0.0b25 writes it. A newer Borg cannot read it and takes it for an exclusive lock.</summary>
    public byte[] ToBytes()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteBoolean("exclusive", IsExclusive);
            json.WriteString("hostid", HostId);
            json.WriteNumber("processid", ProcessId);
            json.WriteNumber("threadid", ThreadId);
            json.WriteString("time", Time.ToString("yyyy-MM-ddTHH:mm:ss.fff'+00:00'", CultureInfo.InvariantCulture));
            json.WriteEndObject();
        }
        return buffer.ToArray();
    }
}
