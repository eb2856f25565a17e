namespace BorgStore.Server.Observability;

/// <summary>The format of the access log.</summary>
public enum AccessLogFormat
{
    /// <summary>A line of JSON for each request, as in the audit log.</summary>
    Json,

    /// <summary>Apache's combined format, which other programs read.</summary>
    Combined,
}
