using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace BorgStore.Backends.Rclone.Connection;

/// <summary>A call that contains values, in the format of a browser's file upload.</summary>
internal static class RcloneFormRequest
{
    private const string Command = "operations/uploadfile";

    // Rclone does not know a value's length in advance. When it streams, a truncated value is an error; when it spools first, a truncated
    // value passes as complete. Its checksum would only cover the bytes received, and its buffer of 16 MiB does not suit small values.
    private static readonly string Settings = Uri.EscapeDataString(
        """{"StreamingUploadCutoff":0,"BufferSize":0,"SizeOnly":true,"IgnoreChecksum":true}""");

    /// <summary>Creates the call.</summary>
    /// <param name="remote">The remote.</param>
    /// <param name="directory">The directory in the remote.</param>
    /// <param name="files">The values and their names, which consist only of letters, digits and dots.</param>
    public static HttpRequestMessage Create(string remote, string directory, IReadOnlyList<(string Name, ReadOnlyMemory<byte> Value)> files)
    {
        // Being random, the boundary occurs in no value.
        var boundary = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        var heads = files.Select(file =>
            $"\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file.Name}\"\r\n\r\n").ToList();
        var end = $"\r\n--{boundary}--\r\n";

        var body = new byte[heads.Sum(head => head.Length) + files.Sum(file => file.Value.Length) + end.Length];
        var position = 0;
        for (var i = 0; i < files.Count; i++)
        {
            position += Encoding.ASCII.GetBytes(heads[i], body.AsSpan(position));
            files[i].Value.Span.CopyTo(body.AsSpan(position));
            position += files[i].Value.Length;
        }
        Encoding.ASCII.GetBytes(end, body.AsSpan(position));
        return new HttpRequestMessage(HttpMethod.Post,
            $"{Command}?_group={RcloneServer.Group}&_config={Settings}&fs={Uri.EscapeDataString(remote)}&remote={Uri.EscapeDataString(directory)}")
        {
            Content = new ByteArrayContent(body)
            {
                Headers = { ContentType = MediaTypeHeaderValue.Parse($"multipart/form-data; boundary={boundary}") },
            },
        };
    }
}
