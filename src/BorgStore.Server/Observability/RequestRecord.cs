using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using BorgStore.Server.Access;
using BorgStore.Server.Http;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace BorgStore.Server.Observability;

/// <summary>What the logs say of a request. Of its query only the command and the names of items are taken, and of its headers at most the name of
/// the client's program, so that no secret is logged.</summary>
internal sealed class RequestRecord
{
    private const int MaxUserAgentLength = 200;

    private readonly HttpContext _context;
    private readonly DateTime _time = DateTime.UtcNow;
    private readonly RequestTarget _target;

    /// <summary>Begins the record of a request.</summary>
    public RequestRecord(HttpContext context)
    {
        _context = context;
        _target = new RequestTarget(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget);
        Operation = MetricsPage.IsWanted(context) ? RequestOperation.Metrics : RequestOperation.Of(context.Request.Method, _target);
    }

    /// <summary>What the request does.</summary>
    public RequestOperation Operation { get; }

    /// <summary>The name of the store, which need not exist; <see langword="null"/> on a server with one store.</summary>
    public string? Store => _context.Features.Get<RequestIdentity>()?.Store;

    /// <summary>The user who logged in; <see langword="null"/> if nobody did.</summary>
    public string? User => _context.Features.Get<RequestIdentity>()?.User;

    /// <summary>Whether the connection was cut before the end of the response.</summary>
    public bool IsAborted => _context.RequestAborted.IsCancellationRequested;

    /// <summary>Returns the record as a line of JSON.</summary>
    /// <param name="body">The bytes received and sent.</param>
    /// <param name="duration">The time since the request began.</param>
    public byte[] ToLine(MeasuredBody body, TimeSpan duration)
    {
        var line = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(line))
        {
            json.WriteStartObject();
            json.WriteString("time", _time);
            json.WriteString("id", _context.TraceIdentifier);
            json.WriteString("client", FormatClient(_context.Connection));
            if (User is { } user) json.WriteString("user", user);
            if (Store is { } store) json.WriteString("store", store);
            json.WriteString("operation", Operation.Name);
            json.WriteString("method", _context.Request.Method);
            json.WriteString("name", GetName());
            if (Operation.Name == "move") json.WriteString("newName", _target["new"]);
            json.WriteNumber("status", _context.Response.StatusCode);
            if (IsAborted) json.WriteBoolean("aborted", true);
            json.WriteNumber("received", body.Received);
            json.WriteNumber("sent", body.Sent);
            json.WriteNumber("ms", Math.Round(duration.TotalMilliseconds, 3));
            json.WriteEndObject();
        }
        line.Write("\n"u8);
        return line.WrittenSpan.ToArray();
    }

    /// <summary>Returns the record as a line in Apache's combined format, escaped as Apache does.</summary>
    /// <param name="body">The bytes received and sent.</param>
    /// <param name="addresses">Finds the client's address.</param>
    public byte[] ToCombinedLine(MeasuredBody body, ClientAddress addresses)
    {
        var request = _context.Request;
        var path = RequestTarget.SplitQuery(_context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget).Path;
        var line = new StringBuilder(200);
        line.Append(addresses.Get(_context)).Append(" - ");
        AppendEscaped(line, User, isQuoted: false);
        line.Append(CultureInfo.InvariantCulture, $" [{_time:dd/MMM/yyyy:HH:mm:ss} +0000] \"");
        AppendEscaped(line, $"{request.Method} {path}{(_target["cmd"] is { } cmd ? "?cmd=" + cmd : "")} {request.Protocol}", isQuoted: true);
        line.Append(CultureInfo.InvariantCulture, $"\" {_context.Response.StatusCode} {(body.Sent == 0 ? "-" : body.Sent.ToString(CultureInfo.InvariantCulture))} \"-\" \"");
        var agent = request.Headers.UserAgent.ToString();
        AppendEscaped(line, agent.Length > MaxUserAgentLength ? agent[..MaxUserAgentLength] : agent, isQuoted: true);
        return Encoding.ASCII.GetBytes(line.Append("\"\n").ToString());
    }

    /// <summary>Returns the name of the item in its store, as the client gave it.</summary>
    public string GetName() => Operation.Name switch
    {
        "move" => _target["current"],
        "defrag" => _target["target"] ?? _target["namespace"],
        "delete-temporary" => _target["id"],
        _ => Store is { } store ? SkipElements(_target.Name, store.Count(c => c == '/') + 1) : _target.Name,
    } ?? "";

    // The path begins with the name of the store, if there are several, which the client may have encoded.
    private static string SkipElements(string path, int count)
    {
        var end = -1;
        for (; count > 0; count--)
            if ((end = path.IndexOf('/', end + 1)) < 0) return "";
        return path[(end + 1)..].TrimStart('/');
    }

    private static void AppendEscaped(StringBuilder line, string? text, bool isQuoted)
    {
        if (string.IsNullOrEmpty(text))
        {
            line.Append('-');
            return;
        }
        foreach (var value in Encoding.UTF8.GetBytes(text))
        {
            if (value is (byte)'"' or (byte)'\\') line.Append('\\').Append((char)value);
            // Outside of quotes, a space would begin the next field.
            else if (value is > (byte)' ' and < 0x7f || (value == ' ' && isQuoted)) line.Append((char)value);
            else line.Append(CultureInfo.InvariantCulture, $"\\x{value:x2}");
        }
    }

    // A unix socket and a pipe have no address.
    private static string FormatClient(ConnectionInfo connection)
        => connection.RemoteIpAddress is { } address ? new System.Net.IPEndPoint(address, connection.RemotePort).ToString() : "local";
}
