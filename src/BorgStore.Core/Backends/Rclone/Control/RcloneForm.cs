using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace BorgStore.Backends.Rclone;

/// <summary>A call that brings a value along, as a browser sends a file.</summary>
internal static class RcloneForm
{
    private const string Command = "operations/uploadfile";

    // Rclone does not know how long the value is. Streamed, one that is cut off is an error, while what it gathers first passes for
    // whole. The digest that it would compare is one of what it got, and the buffer of 16 MiB is for values that are not small.
    private static readonly string Settings = Uri.EscapeDataString(
        """{"StreamingUploadCutoff":0,"BufferSize":0,"SizeOnly":true,"IgnoreChecksum":true}""");

    /// <summary>Makes the call.</summary>
    /// <param name="remote">The remote.</param>
    /// <param name="name">The name that the value gets there; its last part is nothing but letters, digits and dots.</param>
    /// <param name="value">The value.</param>
    public static HttpRequestMessage Create(string remote, string name, ReadOnlySpan<byte> value)
    {
        var slash = name.LastIndexOf('/');
        var address = $"{Command}?_group={RcloneServer.Group}&_config={Settings}"
            + $"&fs={Uri.EscapeDataString(remote)}&remote={Uri.EscapeDataString(name[..Math.Max(slash, 0)])}";
        // No value holds what nobody can guess.
        var boundary = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        var beginning = $"--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name[(slash + 1)..]}\"\r\n\r\n";
        var end = $"\r\n--{boundary}--\r\n";

        var body = new byte[beginning.Length + value.Length + end.Length];
        Encoding.ASCII.GetBytes(beginning, body);
        value.CopyTo(body.AsSpan(beginning.Length));
        Encoding.ASCII.GetBytes(end, body.AsSpan(beginning.Length + value.Length));
        return new HttpRequestMessage(HttpMethod.Post, address)
        {
            Content = new ByteArrayContent(body)
            {
                Headers = { ContentType = MediaTypeHeaderValue.Parse($"multipart/form-data; boundary={boundary}") },
            },
        };
    }
}
